import type { Allowance } from '../context.ts'

/**
 * The allowance of who is not signed in, for each network: in the memory of this node, because a stranger is not
 * worth a question to the database. Windows are told apart by the monotonic clock.
 */

const WINDOW_MS = 60_000
/** Beyond it the oldest window is forgotten: who has that many networks is not stopped by counting them. */
const NETWORKS_MAX = 50_000

interface Window {
  startMs: number
  used: number
}

export class Strangers {
  readonly #windows = new Map<string, Window>()
  readonly #limit: number
  readonly #wallMs: () => number

  /** `wallMs` only tells callers when their window ends. */
  constructor(limit: number, wallMs: () => number) {
    this.#limit = limit
    this.#wallMs = wallMs
  }

  /** Takes all of the tokens or none. */
  charge(network: string, tokens = 1): { admitted: boolean; allowance: Allowance } {
    const window = this.#windowOf(network)
    const admitted = window.used + tokens <= this.#limit
    if (admitted) window.used += tokens
    return { admitted, allowance: this.#allowance(window) }
  }

  peek(network: string): Allowance {
    const known = this.#windows.get(network)
    const nowMs = performance.now()
    return this.#allowance(known && nowMs < known.startMs + WINDOW_MS ? known : { startMs: nowMs, used: 0 })
  }

  #windowOf(network: string): Window {
    const nowMs = performance.now()
    const known = this.#windows.get(network)
    if (known && nowMs < known.startMs + WINDOW_MS) return known
    // Put in again at the end: the first is always the oldest.
    this.#windows.delete(network)
    if (this.#windows.size >= NETWORKS_MAX) this.#windows.delete(this.#windows.keys().next().value!)
    const window = { startMs: nowMs, used: 0 }
    this.#windows.set(network, window)
    return window
  }

  #allowance({ startMs, used }: Window): Allowance {
    const resetsInSeconds = (startMs + WINDOW_MS - performance.now()) / 1000
    const resetsAtSeconds = this.#wallMs() / 1000 + resetsInSeconds
    return { limit: this.#limit, remaining: this.#limit - used, resetsAtSeconds, resetsInSeconds }
  }
}
