import { LRUCache } from 'lru-cache'

const KNOWN_MAX = 10_000
/** Questions to the database, each second, about keys of networks that have used up their allowance. */
const LATE_MAX = 20

/**
 * Somebody who tries keys must not keep the database busy; a neighbour behind the same address must not be kept out. So
 * keys that were good before are always asked about, and others one after the other for each network, as far as its
 * allowance goes, and the second's budget beyond.
 */
export class Lookups {
  readonly #known = new LRUCache<string, true>({ max: KNOWN_MAX })
  readonly #last = new Map<string, Promise<unknown>>()
  #secondStartMs = 0
  #late = 0

  /** `mark` is a hash of the credentials. */
  known(mark: string): void {
    this.#known.set(mark, true)
  }

  isKnown(mark: string): boolean {
    return this.#known.has(mark)
  }

  async inTurn<T>(network: string, look: () => Promise<T>): Promise<T> {
    const turn = (this.#last.get(network) ?? Promise.resolve()).then(look, look)
    this.#last.set(network, turn)
    try {
      return await turn
    } finally {
      if (this.#last.get(network) === turn) this.#last.delete(network)
    }
  }

  allowLate(): boolean {
    const nowMs = performance.now()
    if (nowMs >= this.#secondStartMs + 1000) {
      this.#secondStartMs = nowMs
      this.#late = 0
    }
    return ++this.#late <= LATE_MAX
  }
}
