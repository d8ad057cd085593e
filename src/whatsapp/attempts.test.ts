import { describe, expect, it } from 'vitest'
import { Attempts } from './attempts.ts'
import { CODE_STORE_FAILED, FAILURES_UNTIL_ERROR } from './states.ts'

const LINKED = { linked: true, autoReconnect: true, offeredQr: false }

/** The state that so many ends with a code lead to, and the last pause before the next socket. */
function outcomeOf(count: number, code: number): { state: string; pauseMs: number } {
  const attempts = new Attempts(60_000)
  let state = ''
  let pauseMs = 0
  for (let i = 0; i < count; i++) {
    attempts.opened()
    const verdict = attempts.judge(code, LINKED)
    if (verdict.action === 'retry') state = verdict.state
    pauseMs = attempts.pauseMs(code, false)
  }
  return { state, pauseMs }
}

describe('an instance whose sockets end again and again', () => {
  it('is in error in the end, and tries slowly, when it is WhatsApp that ends them', () => {
    const { state, pauseMs } = outcomeOf(FAILURES_UNTIL_ERROR, 503)
    expect(state).toBe('error')
    expect(pauseMs).toBeGreaterThan(60_000)
  })

  it('goes on trying every few seconds when it is our own database that fails: it is back as soon as that is', () => {
    const { state, pauseMs } = outcomeOf(1000, CODE_STORE_FAILED)
    expect(state).toBe('reconnecting')
    expect(pauseMs).toBeLessThanOrEqual(8000)
    expect(pauseMs).toBeGreaterThanOrEqual(4000)
  })
})
