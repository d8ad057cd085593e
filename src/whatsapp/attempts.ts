import { backoffMs, type Circumstances, CODE_STORE_FAILED, judge, type Verdict } from './states.ts'

/** Restarts that WhatsApp orders are granted at once, but not without end. */
const MAX_RESTARTS = 3
const RESTART_WINDOW_MS = 10_000
/** Codes that nobody scans are no failure of the connection: they go on at a steady pace. */
const MAX_UNSCANNED = 6
/** When it is our own database that fails, WhatsApp is not what is waited for: once it is back, so are all instances soon. */
const MAX_UNSTORED = 4

/** How the sockets of one session have fared so far, and what follows for the next. */
export class Attempts {
  readonly #steadyMs: number
  wasConnected = false
  #failures = 0
  #unstored = 0
  #openedAtMs = 0
  #restarts: number[] = []

  constructor(steadyMs: number) {
    this.#steadyMs = steadyMs
  }

  opened(): void {
    this.wasConnected = true
    this.#openedAtMs = performance.now()
  }

  /** What the end of a socket means. */
  judge(code: number, now: Pick<Circumstances, 'linked' | 'autoReconnect' | 'offeredQr'>): Verdict {
    const nowMs = performance.now()
    if (this.#openedAtMs > 0 && nowMs - this.#openedAtMs >= this.#steadyMs) {
      this.#failures = 0
      this.#unstored = 0
    }
    this.#openedAtMs = 0
    this.#restarts = this.#restarts.filter(atMs => nowMs - atMs < RESTART_WINDOW_MS)
    const verdict = judge(code, {
      ...now,
      failures: code === CODE_STORE_FAILED ? 1 : this.#failures + 1,
      wasConnected: this.wasConnected,
      restartsSpent: this.#restarts.length >= MAX_RESTARTS,
    })
    if (verdict.action === 'restart') this.#restarts.push(nowMs)
    return verdict
  }

  /** Counts the failure, and says how long to wait before the next socket. */
  pauseMs(code: number, offeredQr: boolean): number {
    if (code === CODE_STORE_FAILED) {
      this.#unstored = Math.min(this.#unstored + 1, MAX_UNSTORED)
      return backoffMs(this.#unstored, Math.random())
    }
    this.#failures = offeredQr ? Math.min(this.#failures + 1, MAX_UNSCANNED) : this.#failures + 1
    return backoffMs(this.#failures, Math.random())
  }
}
