/** What is worth less than everything else, however much of it there is: a few in each turn of the event loop. */

const A_TURN = 4
/** Who comes when so many wait does not wait: to remember them would cost more. */
const WAITING_MAX = 1000

export class FewATurn {
  readonly #waiting: (() => void)[] = []

  async turn(): Promise<void> {
    if (this.#waiting.length >= WAITING_MAX) return
    const { promise, resolve } = Promise.withResolvers<void>()
    if (this.#waiting.push(resolve) === 1) setImmediate(this.#take)
    return promise
  }

  readonly #take = () => {
    for (const resolve of this.#waiting.splice(0, A_TURN)) resolve()
    if (this.#waiting.length > 0) setImmediate(this.#take)
  }
}
