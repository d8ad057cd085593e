import { unavailable } from '../../errors.ts'

/** Which files are on their way from WhatsApp: each once, and not too many in one moment. */

const AT_ONCE = 8
/** Of readers; whoever comes beyond is told to come again. */
const WAITING_MAX = 200

export class Fetches {
  readonly #running = new Map<string, Promise<void>>()
  readonly #waiting: (() => void)[] = []
  #busy = 0

  /** How many more would start at once. */
  get free(): number {
    return Math.max(0, AT_ONCE - this.#busy)
  }

  /** The fetch of `mediaId` that is under way, or `work`, as soon as there is room. */
  once(mediaId: string, work: () => Promise<void>): Promise<void> {
    const running = this.#running.get(mediaId)
    if (running) return running
    const fetching = this.#inTurn(work).finally(() => this.#running.delete(mediaId))
    this.#running.set(mediaId, fetching)
    return fetching
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    if (this.#busy >= AT_ONCE) {
      if (this.#waiting.length >= WAITING_MAX) throw unavailable('Too many files are being fetched from WhatsApp')
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    } else this.#busy++
    try {
      await work()
    } finally {
      const next = this.#waiting.shift()
      if (next) next()
      else this.#busy--
    }
  }
}
