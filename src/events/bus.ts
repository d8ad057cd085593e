import type { EventType, HouseEvent } from './catalogue.ts'
import { Order } from './order.ts'

/** The way from a committed event to who listens in this process. Publish only after the commit. */
export interface Bus {
  publish(...events: HouseEvent[]): void
  /** In the order of their counts. Ends with an error when the reader is more than `BUFFER_MAX` events behind. */
  subscribe<Type extends EventType, Subject>(filter: Filter<Type>): AsyncIterableIterator<HouseEvent<Type, Subject>>
  /**
   * The next event about one thing that `accept` takes, or null after `timeoutMs`. Call it before what causes the
   * event, so that none slips by; `cancel` ends the wait at once.
   */
  next(about: string, options: { accept: (event: HouseEvent) => boolean; timeoutMs: number }): Pending
  /** Nothing will happen to this thing any more: whoever waits for its next event gets null at once. */
  gone(about: string): void
  /** How many streams are open. */
  readonly size: number
  close(): void
}

export interface Filter<Type extends EventType = EventType> {
  tenantId: string
  instanceId: string
  type: Type
}

/** A promise that can be given up. */
export interface Pending {
  event: Promise<HouseEvent | null>
  cancel(): void
}

const BUFFER_MAX = 1000

export function createBus(): Bus {
  const streams = new Map<string, Set<Stream>>()
  const waits = new Map<string, Set<(event: HouseEvent | null) => void>>()
  const channel = (filter: Filter) => `${filter.tenantId} ${filter.instanceId} ${filter.type}`
  const order = new Order<HouseEvent>(event => {
    for (const stream of streams.get(channel(event)) ?? []) stream.push(event)
  })
  return {
    publish(...events) {
      for (const event of events) {
        order.push(event)
        for (const wait of [...(waits.get(event.about) ?? [])]) wait(event)
      }
    },
    gone(about) {
      for (const wait of [...(waits.get(about) ?? [])]) wait(null)
    },
    next(about, { accept, timeoutMs }) {
      let finish: (event: HouseEvent | null) => void = () => {}
      const wait = (event: HouseEvent | null) => {
        if (event === null || accept(event)) finish(event)
      }
      waits.set(about, (waits.get(about) ?? new Set()).add(wait))
      const event = new Promise<HouseEvent | null>(resolve => {
        const timer = setTimeout(() => finish(null), timeoutMs)
        finish = result => {
          clearTimeout(timer)
          const open = waits.get(about)
          open?.delete(wait)
          if (open?.size === 0) waits.delete(about)
          resolve(result)
        }
      })
      return { event, cancel: () => finish(null) }
    },
    subscribe<Type extends EventType, Subject>(filter: Filter<Type>) {
      const name = channel(filter)
      const stream = new Stream(() => {
        const open = streams.get(name)
        open?.delete(stream)
        if (open?.size === 0) streams.delete(name)
      })
      const open = streams.get(name) ?? new Set()
      streams.set(name, open.add(stream))
      return stream as unknown as AsyncIterableIterator<HouseEvent<Type, Subject>>
    },
    get size() {
      return [...streams.values()].reduce((sum, open) => sum + open.size, 0)
    },
    close() {
      order.close()
      for (const open of [...streams.values()]) for (const stream of [...open]) void stream.return()
    },
  }
}

type Result = IteratorResult<HouseEvent, undefined>
interface Waiter {
  resolve(result: Result): void
  reject(error: Error): void
}

class Stream implements AsyncIterableIterator<HouseEvent> {
  #buffer: HouseEvent[] = []
  #waiting: Waiter[] = []
  #error: Error | null = null
  #ended = false
  readonly #onEnd: () => void

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  push(event: HouseEvent): void {
    const waiter = this.#waiting.shift()
    if (waiter) waiter.resolve({ value: event, done: false })
    else if (this.#buffer.length < BUFFER_MAX) this.#buffer.push(event)
    else {
      this.#error = new Error(`the reader fell ${BUFFER_MAX} events behind`)
      this.#buffer = []
      this.#end()
    }
  }

  async next(): Promise<Result> {
    const event = this.#buffer.shift()
    if (event) return { value: event, done: false }
    if (this.#error) throw this.#error
    if (this.#ended) return { value: undefined, done: true }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  async return(): Promise<Result> {
    this.#buffer = []
    this.#end()
    return { value: undefined, done: true }
  }

  async throw(error: Error): Promise<Result> {
    await this.return()
    throw error
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#onEnd()
    for (const waiter of this.#waiting.splice(0)) waiter.resolve({ value: undefined, done: true })
  }
}
