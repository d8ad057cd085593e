import { describe, expect, it } from 'vitest'
import { cycleOf } from './cycle.ts'

const cycle = (anchor: string, at: string) => {
  const { start, end } = cycleOf(new Date(anchor), new Date(at))
  return [start.toISOString(), end.toISOString()]
}

describe('the cycle of an instant', () => {
  it('is a month from the sign-up instant, its end not part of it', () => {
    const [first, second, third] = ['2026-01-15T10:20:30.456Z', '2026-02-15T10:20:30.456Z', '2026-03-15T10:20:30.456Z']
    expect(cycle(first, first)).toEqual([first, second])
    expect(cycle(first, '2026-02-15T10:20:30.455Z')).toEqual([first, second])
    expect(cycle(first, second)).toEqual([second, third])
    expect(cycle(first, '2026-12-31T23:59:59.999Z')[0]).toBe('2026-12-15T10:20:30.456Z')
    expect(cycle(first, '2027-01-15T10:20:30.455Z')[1]).toBe('2027-01-15T10:20:30.456Z')
  })

  it('of the 31st ends on the last day of shorter months and comes back to the 31st', () => {
    const starts = (anchor: string, year: number) =>
      Array.from({ length: 12 }, (_, month) =>
        cycle(anchor, `${year}-${String(month + 1).padStart(2, '0')}-28T00:00:00Z`),
      ).map(([start]) => start!.slice(5, 10))
    expect(starts('2026-12-31T00:00:00.000Z', 2027)).toEqual([
      '12-31',
      '02-28',
      '02-28',
      '03-31',
      '04-30',
      '05-31',
      '06-30',
      '07-31',
      '08-31',
      '09-30',
      '10-31',
      '11-30',
    ])
    expect(cycle('2024-01-31T12:00:00.000Z', '2024-02-29T12:00:00.000Z')).toEqual([
      '2024-02-29T12:00:00.000Z',
      '2024-03-31T12:00:00.000Z',
    ])
    expect(cycle('2024-02-29T12:00:00.000Z', '2025-02-28T12:00:00.000Z')).toEqual([
      '2025-02-28T12:00:00.000Z',
      '2025-03-29T12:00:00.000Z',
    ])
    expect(cycle('2024-02-29T12:00:00.000Z', '2028-02-29T12:00:00.000Z')[0]).toBe('2028-02-29T12:00:00.000Z')
  })

  it('knows no summer time: it turns at the same instant in UTC', () => {
    expect(cycle('2026-02-28T23:30:00.000Z', '2026-03-29T01:30:00.000Z')).toEqual([
      '2026-03-28T23:30:00.000Z',
      '2026-04-28T23:30:00.000Z',
    ])
  })

  it('is the first one when the clock was set back to before the sign-up', () => {
    expect(cycle('2026-05-01T00:10:00.000Z', '2026-04-30T23:10:00.000Z')[0]).toBe('2026-05-01T00:10:00.000Z')
  })
})

/** Any instant of forty years, from a seed that is told when something fails. */
function instants(seed: number): () => Date {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return new Date(Date.UTC(2010, 0, 1) + Math.floor((state / 2_147_483_648) * 40 * 365.25 * 86_400_000))
  }
}

const HOUR_MS = 3_600_000
const ROUNDS = 20_000

describe('for any anchor and any instant', () => {
  const seed = 20_260_401
  const random = instants(seed)
  const pairs = Array.from({ length: ROUNDS }, () => [random(), random()].sort((a, b) => a.getTime() - b.getTime()))

  it('lies within its cycle, which begins where the one before ends', () => {
    for (const [anchor, at] of pairs as [Date, Date][]) {
      const { start, end } = cycleOf(anchor, at)
      const why = `seed ${seed}: ${anchor.toISOString()} ${at.toISOString()}`
      expect(start <= at && at < end, why).toBe(true)
      expect(cycleOf(anchor, end).start, why).toEqual(end)
      expect(cycleOf(anchor, start), why).toEqual({ start, end })
      expect(cycleOf(anchor, new Date(end.getTime() - 1)), why).toEqual({ start, end })
    }
  })

  it('has a cycle of 28 to 31 days, on the day and the time of the anchor or the last day of its month', () => {
    for (const [anchor, at] of pairs as [Date, Date][]) {
      const { start, end } = cycleOf(anchor, at)
      const days = (end.getTime() - start.getTime()) / (24 * HOUR_MS)
      expect([28, 29, 30, 31]).toContain(days)
      const lastDay = new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 0)).getUTCDate()
      expect(start.getUTCDate()).toBe(Math.min(anchor.getUTCDate(), lastDay))
      expect(start.toISOString().slice(10)).toBe(anchor.toISOString().slice(10))
    }
  })

  it('is counted in one cycle, though the clock be set back by an hour: that one stays or is the one before', () => {
    for (const [anchor, at] of pairs as [Date, Date][]) {
      const now = cycleOf(anchor, at)
      const back = cycleOf(anchor, new Date(at.getTime() - HOUR_MS))
      const again = cycleOf(anchor, at)
      expect(again).toEqual(now)
      if (back.start.getTime() !== now.start.getTime()) expect(back.end).toEqual(now.start)
    }
  })
})
