import { StripeTrouble } from './trouble.ts'

export interface Answer {
  status: number
  body: string
}

/** The same key gets the first answer again, an error too, for a day. */
export class Idempotency {
  readonly #kept = new Map<string, { asked: string; answer: Answer | null }>()

  /** Null: it is the first, and its answer is to be kept. */
  begin(key: string, asked: string): Answer | null {
    const kept = this.#kept.get(key)
    if (!kept) {
      this.#kept.set(key, { asked, answer: null })
      return null
    }
    if (kept.asked !== asked) {
      throw new StripeTrouble(400, {
        type: 'idempotency_error',
        message: `Keys for idempotent requests can only be used with the same parameters they were first used with.`,
      })
    }
    if (kept.answer) return kept.answer
    throw new StripeTrouble(409, {
      type: 'idempotency_error',
      code: 'idempotency_key_in_use',
      message: 'There is currently another in-progress request using this Idempotent Key.',
    })
  }

  keep(key: string, answer: Answer): void {
    this.#kept.get(key)!.answer = answer
  }
}
