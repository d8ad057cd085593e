import { expect, test } from 'vitest'
import { Gate } from './gate.ts'

const never = new AbortController().signal

test('no more than the width are inside, and who waits comes in in order', async () => {
  const gate = new Gate(2)
  const entered: number[] = []
  const leaves: (() => void)[] = []
  const all = [0, 1, 2, 3].map(async n => {
    leaves[n] = await gate.enter(never)
    entered.push(n)
  })
  await Promise.all(all.slice(0, 2))
  await Promise.resolve()
  expect(entered).toEqual([0, 1])
  leaves[0]!()
  leaves[0]!() // twice does not let two in
  await all[2]
  expect(entered).toEqual([0, 1, 2])
  leaves[1]!()
  await all[3]
  expect(entered).toEqual([0, 1, 2, 3])
})

test('who gives up while waiting takes no place', async () => {
  const gate = new Gate(1)
  const leave = await gate.enter(never)
  const patience = new AbortController()
  const waiting = gate.enter(patience.signal)
  patience.abort(new Error('stopped'))
  await expect(waiting).rejects.toThrow('stopped')
  await expect(gate.enter(patience.signal)).rejects.toThrow('stopped')
  leave()
  ;(await gate.enter(never))()
})
