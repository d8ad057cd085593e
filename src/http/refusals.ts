import { overloaded } from '../errors.ts'
import type { Log } from '../telemetry/log.ts'

const TELL_EVERY_MS = 10_000
/** Not all at once. */
const RETRY_AFTER_SECONDS = { least: 1, most: 3 }

/** What who is not let in gets: 503. They are counted since the start, and told of in the log now and then. */
export class Refusals {
  readonly #log: Log
  #count = 0
  #told = { atMs: Number.NEGATIVE_INFINITY, count: 0 }

  constructor(log: Log) {
    this.#log = log
  }

  get count(): number {
    return this.#count
  }

  one(): Error {
    this.#count++
    const nowMs = performance.now()
    if (nowMs - this.#told.atMs >= TELL_EVERY_MS) {
      this.#log.warn({ count: this.#count - this.#told.count }, 'overload: requests are refused')
      this.#told = { atMs: nowMs, count: this.#count }
    }
    const { least, most } = RETRY_AFTER_SECONDS
    return overloaded(least + Math.floor(Math.random() * (most - least + 1)))
  }
}
