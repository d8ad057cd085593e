import { setTimeout as sleep } from 'node:timers/promises'
import type { App } from '../../context.ts'
import { readSharedFigures } from '../../db/queries/shared-figures.ts'
import type { Shared } from '../../telemetry/metrics/queues.ts'

/** Who asks so soon again is told the same. */
const FRESH_MS = 5_000
/** Who asks waits no longer, and the server ends the statement. */
const WAIT_MS = 2_000

/** What waits in the database, read once for all who ask within some seconds, and by one statement at a time. */
export class SharedFigures {
  readonly #app: Pick<App, 'db' | 'log'>
  #known: { shared: Shared; atMs: number } | null = null
  #reading: { done: Promise<void>; sinceMs: number } | null = null

  constructor(app: Pick<App, 'db' | 'log'>) {
    this.#app = app
  }

  /** Null: the database does not tell, or not in time. */
  async present(): Promise<Shared | null> {
    if (this.#fresh) return this.#fresh
    this.#reading ??= { done: this.#read(), sinceMs: performance.now() }
    const leftMs = WAIT_MS - (performance.now() - this.#reading.sinceMs)
    if (leftMs > 0) await inTime(this.#reading.done, leftMs)
    return this.#fresh
  }

  get #fresh(): Shared | null {
    return this.#known && performance.now() - this.#known.atMs < FRESH_MS ? this.#known.shared : null
  }

  async #read(): Promise<void> {
    try {
      const row = await this.#app.db.transaction(async sql => {
        await sql.query(`select set_config('statement_timeout', $1, true)`, [String(WAIT_MS)], 'limit-statement')
        return readSharedFigures(sql)
      })
      const { instances, nodes, connected, unconnected, ...queues } = row
      const outbox = { connected, unconnected }
      const shared = { instances: instances ?? {}, nodes: nodes ?? {}, outbox, ...queues }
      this.#known = { shared, atMs: performance.now() }
    } catch (cause) {
      this.#app.log.warn({ err: cause }, 'the figures of the database could not be read')
    } finally {
      this.#reading = null
    }
  }
}

async function inTime(work: Promise<void>, ms: number): Promise<void> {
  const done = new AbortController()
  const late = sleep(ms, undefined, { signal: done.signal }).catch(() => {})
  await Promise.race([work, late])
  done.abort()
}
