import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TRIES, waitAfter } from './retry.ts'

const waits = (chance: number, baseMs = 5000) =>
  [1, 2, 3].map(tries => waitAfter(tries, { baseMs, retryAfterMs: null, chance })!)

describe('the waits between tries', () => {
  it('are the base, five times it and twenty-five times it, and then there are no more', () => {
    expect(waits(0)).toEqual([5000, 25_000, 125_000])
    expect(waitAfter(TRIES, { baseMs: 5000, retryAfterMs: 60_000, chance: 0 })).toBeNull()
  })

  it('rise strictly whatever the chance, which only adds, and spreads them by a tenth at least', () => {
    const chance = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.tuple(chance, chance, chance), fc.integer({ min: 1, max: 60_000 }), (chances, baseMs) => {
        const [first, second, third] = chances.map((each, i) => waits(each, baseMs)[i]!)
        expect(first).toBeGreaterThanOrEqual(baseMs)
        expect(second).toBeGreaterThan(first!)
        expect(third).toBeGreaterThan(second!)
      }),
    )
    for (const [i, most] of waits(1).entries()) expect(most / waits(0)[i]!).toBeGreaterThanOrEqual(1.1)
  })

  it('are as long as the receiver asks for, up to an hour, and never shorter than without that', () => {
    const asked = (retryAfterMs: number) => waitAfter(1, { baseMs: 5000, retryAfterMs, chance: 0 })
    expect([asked(60_000), asked(1), asked(86_400_000)]).toEqual([60_000, 5000, 3_600_000])
  })
})
