/** Node's own mark of a timer that has fired or was cleared; there is no public one. */
type Marked = NodeJS.Timeout & { _destroyed?: boolean }

const ROOM = 32

/**
 * The timers of one socket that would outlast it. Baileys clears most of them, but not the 30 s that it gives an upload
 * of keys, nor those of what goes on after the end; and each holds the whole socket in memory.
 */
export class SocketTimers {
  readonly #timers = new Set<Marked>()
  #room = ROOM
  #over = false

  get size(): number {
    return this.#timers.size
  }

  take(timer: NodeJS.Timeout): void {
    if (this.#over) {
      clearTimeout(timer)
      return
    }
    this.#timers.add(timer)
    if (this.#timers.size < this.#room) return
    for (const each of this.#timers) if (each._destroyed) this.#timers.delete(each)
    this.#room = 2 * this.#timers.size + ROOM
  }

  /** None is left, and none begins. */
  end(): void {
    this.#over = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#timers.clear()
  }
}
