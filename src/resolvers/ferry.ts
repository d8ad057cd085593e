import { detached } from '../telemetry/trace.ts'

interface Load<Item, Outcome> {
  items: Item[]
  resolve(outcome: Outcome): void
  reject(cause: unknown): void
}

/**
 * Takes across together what comes from many: at once while it lies here; what comes while it is under way waits, and all of
 * that makes the next crossing. A load stays whole, and loads keep their order.
 */
export class Ferry<Item, Outcome> {
  readonly #max: number
  readonly #carry: (loads: Item[][]) => Promise<Outcome[]>
  readonly #waiting: Load<Item, Outcome>[] = []
  #isUnderWay = false

  /** `max`: so many items go in one crossing; one load that is larger goes alone. `carry` answers what became of each load. */
  constructor({ max, carry }: { max: number; carry: (loads: Item[][]) => Promise<Outcome[]> }) {
    this.#max = max
    this.#carry = carry
  }

  take(items: Item[]): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, resolve, reject })
      if (!this.#isUnderWay) void detached(() => this.#cross())
    })
  }

  async #cross(): Promise<void> {
    this.#isUnderWay = true
    while (this.#waiting.length > 0) {
      const aboard = this.#board()
      try {
        const outcomes = await this.#carry(aboard.map(({ items }) => items))
        for (const [i, load] of aboard.entries()) load.resolve(outcomes[i]!)
      } catch (cause) {
        for (const load of aboard) load.reject(cause)
      }
    }
    this.#isUnderWay = false
  }

  #board(): Load<Item, Outcome>[] {
    let items = this.#waiting[0]!.items.length
    let count = 1
    for (let next = this.#waiting[1]; next && items + next.items.length <= this.#max; next = this.#waiting[count]) {
      items += next.items.length
      count++
    }
    return this.#waiting.splice(0, count)
  }
}
