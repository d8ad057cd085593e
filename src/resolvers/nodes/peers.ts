/** As another node's row is read at a beat of ours. */
export interface Sighting {
  id: string
  process: string
  beats: number
  /** By the database's clock. */
  expired: boolean
}

/**
 * Who lives, as this node sees it. A node is dead when it has not beaten for the length of a lease by our own clock,
 * which no setting of any clock moves; or when its lease had run out before we saw it the first time; or when its
 * process is known to have ended.
 */
export class Peers {
  readonly #seen = new Map<string, { beats: number; sinceMs: number }>()
  readonly #leaseMs: number
  readonly #isGone: (process: string) => boolean

  constructor(leaseMs: number, isGone: (process: string) => boolean) {
    this.#leaseMs = leaseMs
    this.#isGone = isGone
  }

  /** Those that are dead, of all but ourselves. */
  look(others: readonly Sighting[], nowMs: number): Sighting[] {
    const ids = new Set(others.map(({ id }) => id))
    for (const id of this.#seen.keys()) if (!ids.has(id)) this.#seen.delete(id)
    return others.filter(node => this.#isDead(node, nowMs))
  }

  #isDead({ id, process, beats, expired }: Sighting, nowMs: number): boolean {
    const seen = this.#seen.get(id)
    if (!seen || seen.beats !== beats) this.#seen.set(id, { beats, sinceMs: nowMs })
    if (this.#isGone(process)) return true
    return seen && seen.beats === beats ? nowMs - seen.sinceMs >= this.#leaseMs : !seen && expired
  }
}
