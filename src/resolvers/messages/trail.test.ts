import { expect, it } from 'vitest'
import { STEP_LENGTH } from '../../db/queries/trail.ts'
import { newId } from '../../ids.ts'
import { type Step, stepsIn, stepText } from './trail.ts'

const node = newId('node')
const steps: Step[] = [
  { kind: 'accepted', at: new Date('2026-03-01T12:00:00.123Z'), node },
  { kind: 'dispatched', at: new Date('2026-03-01T12:00:00.124Z'), node },
  { kind: 'failed', at: new Date('5000-01-01T00:00:00.000Z'), node: newId('node') },
]

it('says what was written to it, to the millisecond and in order', () => {
  const trail = steps.map(stepText).join('')
  expect(trail).toHaveLength(steps.length * STEP_LENGTH)
  expect(stepsIn(trail)).toEqual(steps)
  expect(stepsIn('')).toEqual([])
})

it('leaves out what a later version knows and this one does not', () => {
  const [first, second, third] = steps.map(stepText)
  expect(stepsIn(`${first}z${second!.slice(1)}${third}`)).toEqual([steps[0], steps[2]])
})
