import type { Clock } from '../clock.ts'

/** One look at the database's clock, between two moments of this process's own. All in ms. */
export interface ClockSample {
  sentMs: number
  gotMs: number
  databaseMs: number
}

const SAMPLES_MAX = 16
/** Beyond what a look can be wrong by: the database's clock was set anew. */
const JUMP_MS = 100

/**
 * The database's time, which is the same for all nodes whatever their own clocks say or do. Kept by a clock that only
 * runs on, and set by the quickest of the last looks: it is wrong by half of what that took at most.
 */
export class DatabaseClock implements Clock {
  #samples: { offsetMs: number; tookMs: number }[] = []
  #offsetMs = 0

  take({ sentMs, gotMs, databaseMs }: ClockSample): void {
    const tookMs = gotMs - sentMs
    const offsetMs = databaseMs - (sentMs + gotMs) / 2
    if (Math.abs(offsetMs - this.#offsetMs) > JUMP_MS + tookMs) this.#samples = []
    this.#samples = [...this.#samples.slice(1 - SAMPLES_MAX), { offsetMs, tookMs }]
    this.#offsetMs = this.#samples.reduce((best, each) => (each.tookMs < best.tookMs ? each : best)).offsetMs
  }

  nowMs(): number {
    return Math.floor(performance.now() + this.#offsetMs)
  }

  now(): Date {
    return new Date(this.nowMs())
  }
}
