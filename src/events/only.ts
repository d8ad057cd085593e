/** Those that `accept` takes. Not a generator: its `return` would wait for the next event. */
export const only = <Event>(
  events: AsyncIterableIterator<Event>,
  accept: (event: Event) => boolean,
): AsyncIterableIterator<Event> => ({
  async next() {
    for (;;) {
      const result = await events.next()
      if (result.done || accept(result.value)) return result
    }
  },
  return: async () => (await events.return?.()) ?? { value: undefined, done: true },
  async throw(error) {
    await events.return?.()
    throw error
  },
  [Symbol.asyncIterator]() {
    return this
  },
})
