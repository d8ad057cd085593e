/** Who waits in this process for another node's answer. */
export class Asked {
  readonly #waits = new Map<string, () => void>()

  /** Resolves when the answer is there, or after `timeoutMs`. */
  wait(commandId: string, timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const finish = () => {
      clearTimeout(timer)
      this.#waits.delete(commandId)
      resolve()
    }
    const timer = setTimeout(finish, timeoutMs)
    this.#waits.set(commandId, finish)
    return promise
  }

  answered(commandId: string): void {
    this.#waits.get(commandId)?.()
  }
}
