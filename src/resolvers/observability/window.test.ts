import { describe, expect, it } from 'vitest'
import { ApiError } from '../../errors.ts'
import { seriesOf, totalOf, windowOf } from './window.ts'

const now = new Date('2026-03-10T12:34:56.789Z')
const clock = { now: () => now, nowMs: () => now.getTime() }
const at = (text: string) => new Date(text)
const problems = (args: Parameters<typeof windowOf>[1]) => {
  try {
    return windowOf(clock, args).count
  } catch (error) {
    return Object.keys((error as ApiError).details)
  }
}
const starts = (args: Parameters<typeof windowOf>[1]) =>
  seriesOf(windowOf(clock, args), [], {}).map(point => point.at.toISOString())

describe('a window', () => {
  it('is the last 24 hours by the hour, unless it is said otherwise', () => {
    const window = windowOf(clock, {})
    expect([window.since, window.until, window.bucket]).toEqual([at('2026-03-09T12:34:56.789Z'), now, 'hour'])
    expect([window.span.start, window.span.end]).toEqual([at('2026-03-09T12:00:00Z'), at('2026-03-10T13:00:00Z')])
    expect(window.count).toBe(25)
  })

  it('goes by the hour up to 48 hours, and by the day beyond', () => {
    const since = at('2026-03-01T00:00:00Z')
    expect(windowOf(clock, { since, until: at('2026-03-03T00:00:00Z') })).toMatchObject({ bucket: 'hour', count: 48 })
    expect(windowOf(clock, { since, until: at('2026-03-03T00:00:00.001Z') })).toMatchObject({ bucket: 'day', count: 3 })
  })

  it('holds an hour that begins at until no more, and one that begins at since', () => {
    const [since, until] = [at('2026-03-01T10:00:00Z'), at('2026-03-01T12:00:00Z')]
    expect(starts({ since, until })).toEqual(['2026-03-01T10:00:00.000Z', '2026-03-01T11:00:00.000Z'])
    const late = at('2026-03-01T12:00:00.001Z')
    expect(starts({ since: at('2026-03-01T10:59:59.999Z'), until: late })).toHaveLength(3)
  })

  it('has the days of the time zone whose midnight is given, over the change of its clocks too', () => {
    // Berlin, from the last day of winter time on: midnight is 23:00 UTC, and 22:00 UTC after that.
    const days = starts({
      since: at('2026-03-28T00:00:00+01:00'),
      until: at('2026-03-30T00:00:00+02:00'),
      bucket: 'day',
    })
    expect(days).toEqual(['2026-03-27T23:00:00.000Z', '2026-03-28T23:00:00.000Z'])
    const hours = starts({ since: at('2026-03-29T00:00:00+01:00'), until: at('2026-03-30T00:00:00+02:00') })
    expect(hours).toHaveLength(23)
    expect(new Set(hours).size).toBe(23)
    const sameInstants = starts({ since: at('2026-03-28T23:00:00Z'), until: at('2026-03-29T22:00:00Z') })
    expect(hours).toEqual(sameInstants)
  })

  it('names the field when there are more than 400 buckets, or none', () => {
    const since = at('2026-02-20T00:00:00Z')
    expect(problems({ since, until: new Date(since.getTime() + 400 * 3_600_000), bucket: 'hour' })).toBe(400)
    expect(problems({ since, until: new Date(since.getTime() + 400 * 3_600_000 + 1), bucket: 'hour' })).toEqual([
      'bucket',
    ])
    expect(problems({ since, until: new Date(since.getTime() + 400 * 86_400_000) })).toBe(400)
    expect(problems({ since: at('0001-01-01T00:00:00Z') })).toEqual(['since'])
    expect(problems({ since, until: since })).toEqual(['until'])
    expect(problems({ since: at('2027-01-01T00:00:00Z') })).toEqual(['since'])
    expect(problems({ until: at('9999-12-31T23:59:59Z') })).toEqual(['since'])
  })
})

describe('a series', () => {
  it('has a point for each bucket, zeros where nothing was, and sums to the totals', () => {
    const window = windowOf(clock, { since: at('2026-03-01T00:30:00Z'), until: at('2026-03-01T03:00:00Z') })
    const rows = [
      { bucket: 1, sent: 5 },
      { bucket: 2, sent: 7 },
    ]
    expect(seriesOf(window, rows, { sent: 0 }).map(({ sent }) => sent)).toEqual([0, 5, 7])
    expect(totalOf(rows, { sent: 0 })).toEqual({ sent: 12 })
    expect(() => windowOf(clock, { until: at('2020-01-01T00:00:00Z') })).toThrow(ApiError)
  })
})
