import { describe, expect, it } from 'vitest'
import { triedOf } from './outcome.ts'

const on = { at: new Date('2026-01-02T03:04:05.678Z'), node: 'node_1', baseMs: 1000, chance: 0 }
const answered = (statusCode: number, retryAfterMs: number | null = null) =>
  ({ kind: 'answered', statusCode, body: 'words', retryAfterMs, durationMs: 1.6 }) as const
const stateAfter = (attempts: number, outcome: Parameters<typeof triedOf>[1]) => {
  const { status, waitMs } = triedOf({ id: 'del', attempts }, outcome, on)
  return { status, waitMs }
}

describe('what came of a try', () => {
  it('is delivered with any 2xx, and with nothing else', () => {
    for (const code of [200, 201, 204, 299]) expect(stateAfter(0, answered(code)).status, `${code}`).toBe('delivered')
    for (const code of [199, 300, 304, 400, 404, 500, 599])
      expect(stateAfter(0, answered(code)).status, `${code}`).toBe('pending')
  })

  it('is tried again three times, whatever went wrong, and then has failed', () => {
    const failed = { kind: 'failed', code: 'timeout', message: 'no answer in time', durationMs: 1000 } as const
    for (const outcome of [answered(500), answered(404), answered(302), failed]) {
      expect([0, 1, 2, 3].map(attempts => stateAfter(attempts, outcome))).toEqual([
        { status: 'pending', waitMs: 1000 },
        { status: 'pending', waitMs: 5000 },
        { status: 'pending', waitMs: 25_000 },
        { status: 'failed', waitMs: 0 },
      ])
    }
  })

  it('waits for as long as the receiver asks for, and is over at once where there is nothing any more', () => {
    expect(stateAfter(0, answered(503, 60_000))).toEqual({ status: 'pending', waitMs: 60_000 })
    expect(stateAfter(0, answered(410))).toEqual({ status: 'failed', waitMs: 0 })
  })

  it('keeps what was answered', () => {
    expect(triedOf({ id: 'del', attempts: 0 }, answered(302), on).made).toEqual({
      at: '2026-01-02T03:04:05.678Z',
      node: 'node_1',
      durationMs: 2,
      statusCode: 302,
      error: 'answered 302: redirects are not followed',
      response: 'words',
    })
  })
})
