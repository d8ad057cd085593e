/**
 * How much of one kind is under way at once, in this process. A tenant may have as many as are left free: one alone gets
 * half of them, and there always are some for the next one.
 */
export class Slots {
  #free: number
  readonly #held = new Map<string, number>()
  readonly #waiting: { tenantId: string; wanted: number; give: (count: number) => void }[] = []

  constructor(max: number) {
    this.#free = max
  }

  /** Waits for one at least; gives up to `wanted`. */
  take(tenantId: string, wanted: number): Promise<number> {
    return new Promise(resolve => {
      this.#waiting.push({ tenantId, wanted, give: resolve })
      this.#share()
    })
  }

  release(tenantId: string, count: number): void {
    if (count === 0) return
    this.#free += count
    const left = (this.#held.get(tenantId) ?? 0) - count
    if (left > 0) this.#held.set(tenantId, left)
    else this.#held.delete(tenantId)
    this.#share()
  }

  #share(): void {
    for (let i = 0; i < this.#waiting.length && this.#free > 0; ) {
      const { tenantId, wanted, give } = this.#waiting[i]!
      const held = this.#held.get(tenantId) ?? 0
      // Held and free after `count` more are equal at most.
      const count = Math.min(wanted, Math.ceil((this.#free - held) / 2))
      if (count <= 0) {
        i++
        continue
      }
      this.#waiting.splice(i, 1)
      this.#free -= count
      this.#held.set(tenantId, held + count)
      give(count)
    }
  }
}
