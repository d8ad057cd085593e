/** What is told in this process to whoever listens under a key. */
export interface Feed<Item> {
  publish(key: string, item: Item): void
  /** From now on. Ends with an error when the reader is more than `BUFFER_MAX` items behind. */
  subscribe(key: string, onEnd?: () => void): AsyncIterableIterator<Item>
  isWatched(key: string): boolean
  /** How many streams are open. */
  readonly size: number
  close(): void
}

const BUFFER_MAX = 1000

export function createFeed<Item>(): Feed<Item> {
  const streams = new Map<string, Set<Stream<Item>>>()
  return {
    publish(key, item) {
      for (const stream of streams.get(key) ?? []) stream.push(item)
    },
    subscribe(key, onEnd) {
      const stream = new Stream<Item>(() => {
        const open = streams.get(key)
        open?.delete(stream)
        if (open?.size === 0) streams.delete(key)
        onEnd?.()
      })
      const open = streams.get(key) ?? new Set()
      streams.set(key, open.add(stream))
      return stream
    },
    isWatched: key => streams.has(key),
    get size() {
      return [...streams.values()].reduce((sum, open) => sum + open.size, 0)
    },
    close() {
      for (const open of [...streams.values()]) for (const stream of [...open]) void stream.return()
    },
  }
}

type Result<Item> = IteratorResult<Item, undefined>
interface Waiter<Item> {
  resolve(result: Result<Item>): void
  reject(error: Error): void
}

class Stream<Item> implements AsyncIterableIterator<Item> {
  #buffer: { item: Item }[] = []
  #waiting: Waiter<Item>[] = []
  #error: Error | null = null
  #ended = false
  readonly #onEnd: () => void

  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  push(item: Item): void {
    const waiter = this.#waiting.shift()
    if (waiter) waiter.resolve({ value: item, done: false })
    else if (this.#buffer.length < BUFFER_MAX) this.#buffer.push({ item })
    else {
      this.#error = new Error(`the reader fell ${BUFFER_MAX} events behind`)
      this.#buffer = []
      this.#end()
    }
  }

  async next(): Promise<Result<Item>> {
    const next = this.#buffer.shift()
    if (next) return { value: next.item, done: false }
    if (this.#error) throw this.#error
    if (this.#ended) return { value: undefined, done: true }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }))
  }

  async return(): Promise<Result<Item>> {
    this.#buffer = []
    this.#end()
    return { value: undefined, done: true }
  }

  async throw(error: Error): Promise<Result<Item>> {
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
