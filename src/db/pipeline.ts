import pg from 'pg'
import { rowsFrom, type Sql, statementOf } from './sql.ts'

/**
 * Statements that are asked for with nearly every request, find their row by a key and wait for nobody: each is a transaction of its own.
 * One that is slow would keep others waiting; what lists, locks or writes more than its own row has no place here.
 */
const SHORT = new Set([
  'charge-by-key-hash',
  'charge-by-key-id',
  'charge-by-session-hash',
  'charge-by-session-id',
  'find-instance',
  'find-way-by-phone',
  'find-way-by-lid',
  'find-way-by-group_jid',
  'find-chat-by-phone',
  'find-chat-by-lid',
  'find-chat-by-group_jid',
])

/** A hot row that one of them waits for keeps the other free. */
const LANES = 2
/** Unlike those of the pool they stay open: whoever stands between drops what is silent, and tells nobody. */
const KEEP_ALIVE_MS = 10_000

interface Lane {
  client: pg.Client
  opened: Promise<unknown> | null
  waiting: number
  corked: boolean
}

/**
 * They go over connections of their own, each at once and none after the answer to the one before; those of one turn of the
 * event loop leave in one packet.
 */
export class Pipeline {
  readonly #config: pg.ClientConfig
  readonly #lanes: (Lane | undefined)[] = Array.from({ length: LANES })
  #closed = false

  constructor(config: pg.ClientConfig) {
    this.#config = config
  }

  /** `sql`, with the short ones taken out. */
  over(sql: Sql): Sql {
    return {
      query: (text, params, name) =>
        name !== undefined && SHORT.has(name) && !this.#closed
          ? rowsFrom(this.#query(text, params, name))
          : sql.query(text, params, name),
    }
  }

  async #query(text: string, params: readonly unknown[] | undefined, name: string): Promise<{ rows: unknown[] }> {
    const lane = this.#emptiest()
    lane.waiting++
    try {
      if (lane.opened) await lane.opened
      this.#cork(lane)
      return await lane.client.query(statementOf(text, params, name))
    } finally {
      lane.waiting--
    }
  }

  #emptiest(): Lane {
    let found = 0
    for (let i = 0; i < LANES; i++) {
      const lane = this.#lanes[i]
      if (!lane || lane.waiting === 0) return (this.#lanes[i] ??= this.#open(i))
      if (lane.waiting < this.#lanes[found]!.waiting) found = i
    }
    return this.#lanes[found]!
  }

  #open(at: number): Lane {
    const client = new pg.Client({
      ...this.#config,
      pipeline: true,
      keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    } as pg.ClientConfig)
    const lane: Lane = { client, opened: null, waiting: 0, corked: false }
    // What was asked rejects by itself; the next one opens another.
    const lost = () => {
      if (this.#lanes[at] === lane) this.#lanes[at] = undefined
    }
    client.once('error', lost).once('end', lost)
    client.on('error', () => {})
    lane.opened = client.connect().then(
      () => {
        lane.opened = null
      },
      error => {
        lost()
        throw error
      },
    )
    lane.opened.catch(() => {})
    return lane
  }

  #cork(lane: Lane): void {
    if (lane.corked) return
    const { stream } = (lane.client as unknown as { connection: { stream: { cork(): void; uncork(): void } } })
      .connection
    lane.corked = true
    stream.cork()
    setImmediate(() => {
      lane.corked = false
      stream.uncork()
    })
  }

  /** What is under way has its answer before. */
  async close(): Promise<void> {
    this.#closed = true
    const open = this.#lanes.splice(0)
    await Promise.all(open.map(lane => lane?.client.end().catch(() => {})))
  }
}
