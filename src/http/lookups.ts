import { LRUCache } from 'lru-cache'
import { Turns } from '../resolvers/turns.ts'

const KNOWN_MAX = 10_000
/** Questions to the database, each second, about keys of networks that have used up their allowance. */
const LATE_MAX = 20

/**
 * Somebody who tries keys must not keep the database busy; a neighbour behind the same address must not be kept out. So
 * keys that were good before are always asked about, and others one after the other for each network, as far as its
 * allowance goes, and the second's budget beyond.
 */
export class Lookups {
  /** With whose they are. */
  readonly #known = new LRUCache<string, string>({ max: KNOWN_MAX })
  readonly #turns = new Turns()
  #secondStartMs = 0
  #late = 0

  /** Credentials that are good, of whom. `mark` is a hash of them. */
  known(mark: string, whose: string): void {
    this.#known.set(mark, whose)
  }

  /** They are nobody's any more. */
  forget(mark: string): void {
    this.#known.delete(mark)
  }

  /** Whose they were when they were last asked about; null: nobody's, as far as is remembered. */
  whose(mark: string): string | null {
    return this.#known.get(mark) ?? null
  }

  inTurn<T>(network: string, look: () => Promise<T>): Promise<T> {
    return this.#turns.take(network, look)
  }

  /** Whether something is left of the second's budget. */
  get mayBeLate(): boolean {
    return this.#late < LATE_MAX || performance.now() >= this.#secondStartMs + 1000
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
