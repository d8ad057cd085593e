/** One after the other for each tenant: what one has learnt of Stripe, the next need not ask again. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>()

  take<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(tenantId) ?? Promise.resolve()
    const mine = before.then(work)
    const over = mine
      .catch(() => {})
      .finally(() => {
        if (this.#last.get(tenantId) === over) this.#last.delete(tenantId)
      })
    this.#last.set(tenantId, over)
    return mine
  }
}
