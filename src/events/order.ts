/**
 * Two transactions of an instance commit one after the other, but the news of it may reach this process the other way
 * round. Who goes on after the last event they got would then never see the earlier one: so it is waited for, a moment.
 */
export class Order<Event extends { instanceId: string; seq: number }> {
  readonly #deliver: (event: Event) => void
  /** In the order in which instances were last heard of. */
  readonly #lines = new Map<string, Line<Event>>()

  constructor(deliver: (event: Event) => void) {
    this.#deliver = deliver
  }

  push(event: Event): void {
    const line = this.#line(event)
    if (event.seq > line.last + 1) {
      line.held.push(event)
      line.held.sort((a, b) => a.seq - b.seq)
      // Some event may be told in another process, or in none.
      if (line.held.length > HELD_MAX) this.#flush(line)
      else line.timer ??= setTimeout(() => this.#flush(line), WAIT_MS)
      return
    }
    this.#give(line, event)
    while (line.held[0] && line.held[0].seq <= line.last + 1) this.#give(line, line.held.shift()!)
    if (line.held.length === 0) stop(line)
  }

  close(): void {
    for (const line of this.#lines.values()) stop(line)
    this.#lines.clear()
  }

  #line({ instanceId, seq }: Event): Line<Event> {
    const line = this.#lines.get(instanceId) ?? { last: seq - 1, held: [], timer: undefined }
    this.#lines.delete(instanceId)
    this.#lines.set(instanceId, line)
    const [oldest] = this.#lines
    if (this.#lines.size > LINES_MAX && oldest![1].held.length === 0) this.#lines.delete(oldest![0])
    return line
  }

  #flush(line: Line<Event>): void {
    stop(line)
    for (const event of line.held.splice(0)) this.#give(line, event)
  }

  #give(line: Line<Event>, event: Event): void {
    line.last = Math.max(line.last, event.seq)
    this.#deliver(event)
  }
}

interface Line<Event> {
  /** The highest count that was delivered. */
  last: number
  held: Event[]
  timer: NodeJS.Timeout | undefined
}

const WAIT_MS = 100
const HELD_MAX = 100
const LINES_MAX = 50_000

function stop(line: { timer: NodeJS.Timeout | undefined }): void {
  clearTimeout(line.timer)
  line.timer = undefined
}
