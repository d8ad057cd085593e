export interface Missed<Event> {
  /** The last event that the reader has. */
  seq: number
  /** Committed events after this one, in order. */
  read: (seq: number) => Promise<Read<Event>>
}

export interface Read<Event> {
  events: Event[]
  /** How far this reading went. */
  seq: number
  /** Whether there may be more. */
  more: boolean
}

/**
 * What the reader missed, and then what is live, without a gap and without a double. `live` must have been opened
 * before this is called: an event is either committed by the time of the last read, or it is published later.
 */
export function resume<Event extends { seq: number }>(
  live: AsyncIterableIterator<Event>,
  missed: Missed<Event>,
): AsyncIterableIterator<Event> {
  // Not a generator: its `return` would wait for the next event.
  let { seq } = missed
  let replaying = true
  let page: Event[] = []
  const fill = async () => {
    const read = await missed.read(seq)
    if (!replaying) return
    page = read.events
    seq = read.seq
    replaying = read.more
  }
  return {
    async next() {
      try {
        while (page.length === 0 && replaying) await fill()
      } catch (error) {
        await live.return?.()
        throw error
      }
      const event = page.shift()
      if (event) return { value: event, done: false }
      for (;;) {
        const result = await live.next()
        // The rest were published while the missed ones were read.
        if (result.done || result.value.seq > seq) return result
      }
    },
    async return() {
      replaying = false
      page = []
      return (await live.return?.()) ?? { value: undefined, done: true }
    },
    async throw(error) {
      await live.return?.()
      throw error
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
