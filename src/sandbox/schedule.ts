import { padded, type Store } from './store.ts'

/** What a contact is going to do. By phone numbers, so that it can be kept. */
export type Action =
  /** Tells the account's devices that the message arrived, and later that it was read. */
  | { kind: 'receipts'; by: string; to: string; chat: string; id: string; deliverAtMs: number; readAtMs: number | null }
  /** `id` is chosen beforehand: an answer that is given twice over a crash is one message. */
  | { kind: 'reply'; by: string; to: string; chat: string; id: string; text: string | null }
  /** The account's phone removes its devices. */
  | { kind: 'logout'; to: string }
  | { kind: 'drop'; to: string }

interface Row {
  atMs: number
  action: Action
}

/** setTimeout takes no more than 2^31 - 1 */
const MAX_DELAY_MS = 2_000_000_000

/** Actions with a time. Each is stored until it is done: a restart makes up for what fell due meanwhile. */
export class Schedule {
  readonly #store: Store
  readonly #nowMs: () => number
  readonly #perform: (action: Action, atMs: number) => Promise<void>
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #lastSeq = 0

  constructor(options: {
    store: Store
    nowMs: () => number
    perform: (action: Action, atMs: number) => Promise<void>
  }) {
    this.#store = options.store
    this.#nowMs = options.nowMs
    this.#perform = options.perform
  }

  load(): void {
    for (const [key, value] of this.#store.scan('schedule')) {
      const row: Row = JSON.parse(String(value))
      this.#lastSeq = Math.max(this.#lastSeq, Number(key))
      this.#start(key, row)
    }
  }

  add(atMs: number, action: Action): void {
    this.#lastSeq = Math.max(this.#lastSeq + 1, this.#nowMs() * 1_000)
    const key = padded(this.#lastSeq, 17)
    const row: Row = { atMs, action }
    this.#store.insert('schedule', key, () => JSON.stringify(row))
    this.#start(key, row)
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #start(key: string, row: Row): void {
    const delayMs = Math.min(Math.max(row.atMs - this.#nowMs(), 0), MAX_DELAY_MS)
    this.#timers.set(
      key,
      setTimeout(() => void this.#due(key, row), delayMs),
    )
  }

  async #due(key: string, row: Row): Promise<void> {
    try {
      await this.#perform(row.action, row.atMs)
    } finally {
      if (this.#timers.has(key)) this.#settle(key, row)
    }
  }

  // The row of receipts stays as it is between the two: the first, told twice after a crash, does no harm.
  #settle(key: string, row: Row): void {
    const { action } = row
    if (action.kind === 'receipts' && action.readAtMs !== null && row.atMs < action.readAtMs) {
      this.#start(key, { ...row, atMs: action.readAtMs })
      return
    }
    this.#timers.delete(key)
    this.#store.delete('schedule', key)
  }
}
