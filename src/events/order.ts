interface Counted {
  instanceId: string
  seq: number
}

/** Of an instance, those after a count, oldest first, as far as they go at once. */
export type ReadAfter<Event> = (instanceId: string, seq: number) => Promise<Event[]>

/**
 * The events of instances that somebody watches, each once and in the order of their counts. Two transactions commit
 * one after the other, but the news of them may come the other way round, or in another process: what is missing is
 * waited for, a moment, and then read.
 */
export class Order<Event extends Counted> {
  readonly #deliver: (event: Event, isRead: boolean) => void
  readonly #read: ReadAfter<Event>
  readonly #lines = new Map<string, Line<Event>>()

  constructor(deliver: (event: Event, isRead: boolean) => void, read: ReadAfter<Event> = async () => []) {
    this.#deliver = deliver
    this.#read = read
  }

  /** From now on; the answer ends it. */
  watch(instanceId: string): () => void {
    const line = this.#lines.get(instanceId) ?? {
      watchers: 0,
      last: null,
      heard: 0,
      held: [],
      timer: undefined,
      reading: false,
    }
    this.#lines.set(instanceId, line)
    line.watchers++
    let isOver = false
    return () => {
      if (isOver) return
      isOver = true
      if (--line.watchers > 0) return
      clearTimeout(line.timer)
      this.#lines.delete(instanceId)
    }
  }

  get watched(): string[] {
    return [...this.#lines.keys()]
  }

  /** What goes up to this count had happened before the watch began; others may watch, and wait for it still. */
  startAt(instanceId: string, seq: number): void {
    const line = this.#lines.get(instanceId)
    if (line) line.last ??= seq
  }

  /** One that has happened here. */
  push(event: Event): void {
    const line = this.#lines.get(event.instanceId)
    if (!line) return
    line.last ??= event.seq - 1
    if (event.seq <= line.last) return
    if (event.seq > line.last + 1) {
      line.held.push(event)
      if (line.held.length > HELD_MAX) this.#fill(event.instanceId, line)
      else line.timer ??= setTimeout(() => this.#fill(event.instanceId, line), WAIT_MS)
      return
    }
    this.#give(line, event, false)
    this.#giveHeld(line)
  }

  /** One has happened, here or elsewhere. */
  hear({ instanceId, seq }: Counted): void {
    const line = this.#lines.get(instanceId)
    if (!line) return
    line.last ??= seq - 1
    line.heard = Math.max(line.heard, seq)
    if (seq > line.last) this.#fill(instanceId, line)
  }

  close(): void {
    for (const line of this.#lines.values()) clearTimeout(line.timer)
    this.#lines.clear()
  }

  #fill(instanceId: string, line: Line<Event>): void {
    clearTimeout(line.timer)
    line.timer = undefined
    if (line.reading) return
    line.reading = true
    void this.#readOn(instanceId, line).finally(() => {
      line.reading = false
    })
  }

  async #readOn(instanceId: string, line: Line<Event>): Promise<void> {
    while (line.watchers > 0 && (line.held.length > 0 || line.heard > line.last!)) {
      let read: Event[]
      try {
        read = await this.#read(instanceId, line.last!)
      } catch {
        // Told again by the next one, or by whoever looks after what was missed.
        line.timer ??= setTimeout(() => this.#fill(instanceId, line), AGAIN_MS)
        return
      }
      if (line.watchers === 0) return
      for (const event of read) if (event.seq > line.last!) this.#give(line, event, true)
      this.#giveHeld(line)
      if (read.length > 0) continue
      // What is missing is kept no longer.
      line.last = Math.max(line.last!, line.heard, (line.held[0]?.seq ?? 0) - 1)
      this.#giveHeld(line)
    }
  }

  #giveHeld(line: Line<Event>): void {
    line.held.sort((a, b) => a.seq - b.seq)
    while (line.held[0] && line.held[0].seq <= line.last! + 1) {
      const event = line.held.shift()!
      if (event.seq > line.last!) this.#give(line, event, false)
    }
    if (line.held.length > 0) return
    clearTimeout(line.timer)
    line.timer = undefined
  }

  #give(line: Line<Event>, event: Event, isRead: boolean): void {
    line.last = event.seq
    this.#deliver(event, isRead)
  }
}

interface Line<Event> {
  watchers: number
  /** The highest count that was delivered; null: none, and where to begin is not known. */
  last: number | null
  /** The highest count that is known to have happened. */
  heard: number
  held: Event[]
  timer: NodeJS.Timeout | undefined
  reading: boolean
}

const WAIT_MS = 100
const AGAIN_MS = 1_000
const HELD_MAX = 100
