import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Strangers } from './strangers.ts'

beforeEach(() => vi.useFakeTimers({ toFake: ['performance'] }))
afterEach(() => vi.useRealTimers())

const LIMIT = 3
const open = () => new Strangers(LIMIT, () => 1_000_000)
const taken = (strangers: Strangers, network: string, times: number): boolean[] =>
  Array.from({ length: times }, () => strangers.charge(network).admitted)

describe('the allowance of a network', () => {
  it('is so many a minute, from its first call on, and whole again after it', () => {
    const strangers = open()
    expect(taken(strangers, 'a', LIMIT + 1)).toEqual([true, true, true, false])
    vi.advanceTimersByTime(59_999)
    expect(taken(strangers, 'a', 1)).toEqual([false])
    expect(strangers.peek('a').remaining).toBe(0)
    vi.advanceTimersByTime(1)
    expect(strangers.peek('a').remaining).toBe(LIMIT)
    expect(taken(strangers, 'a', LIMIT + 1)).toEqual([true, true, true, false])
  })

  it('is taken whole or not at all', () => {
    const strangers = open()
    expect(strangers.charge('a', LIMIT + 1)).toMatchObject({ admitted: false, allowance: { remaining: LIMIT } })
    expect(strangers.charge('a', LIMIT)).toMatchObject({ admitted: true, allowance: { remaining: 0 } })
  })

  it('is remembered of 50,000 networks, and forgotten of the oldest first', () => {
    const strangers = open()
    taken(strangers, 'first', LIMIT)
    taken(strangers, 'second', LIMIT)
    for (let n = 0; n < 49_998; n++) strangers.charge(`other ${n}`)
    expect(strangers.peek('first').remaining).toBe(0)
    strangers.charge('one more')
    expect(strangers.peek('first').remaining).toBe(LIMIT)
    expect(strangers.peek('second').remaining).toBe(0)
  })
})
