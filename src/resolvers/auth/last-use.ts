/** Beyond it a use goes unnoted: the next one is noted when there is room again, seconds later. */
const NOTED_MAX = 10_000

export interface Uses {
  ids: string[]
  times: Date[]
}

/** When credentials were last used, between two writings: nothing is written in a request. */
export class LastUse {
  readonly #keys = new Map<string, Date>()
  readonly #sessions = new Map<string, Date>()

  noteKey(id: string, at: Date): void {
    note(this.#keys, id, at)
  }

  noteSession(id: string, at: Date): void {
    note(this.#sessions, id, at)
  }

  /** Gives what was noted, and forgets it. */
  take(): { keys: Uses; sessions: Uses } {
    return { keys: drain(this.#keys), sessions: drain(this.#sessions) }
  }
}

function note(uses: Map<string, Date>, id: string, at: Date): void {
  if (uses.has(id) || uses.size < NOTED_MAX) uses.set(id, at)
}

function drain(uses: Map<string, Date>): Uses {
  const taken = { ids: [...uses.keys()], times: [...uses.values()] }
  uses.clear()
  return taken
}
