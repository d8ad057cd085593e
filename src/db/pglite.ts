import { mkdir } from 'node:fs/promises'
import pg from 'pg'
import { CONNECTION_TIMEOUT_MS, endPool } from './pool.ts'

export interface OpenPGlite {
  pool: pg.Pool
  /** Whole messages of the wire protocol to the one session, past the pool: only for who holds its client. */
  exchange(messages: Uint8Array): Promise<Uint8Array>
  close(): Promise<void>
}

/**
 * PGlite behind pg's own pool and client: one driver and one SQL serve both engines. It has a single
 * connection, so a transaction keeps everybody else waiting, and it runs on the main thread.
 */
export async function openPGlite(dir: string): Promise<OpenPGlite> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const [{ PGlite }, { PglitePgConnection }] = await Promise.all([
    import('@electric-sql/pglite'),
    import('@electric-sql/pglite/node-postgres'),
  ])
  const pglite = await PGlite.create({ dataDir: dir })

  class Client extends pg.Client {
    constructor(config: pg.ClientConfig) {
      super({ ...config, connection: new PglitePgConnection({ pglite }) } as pg.ClientConfig)
    }
  }
  const options = {
    Client,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    max: 1,
    idleTimeoutMillis: 0,
    // A client that broke leaves its transaction and its prepared statements behind in the one session there is.
    onConnect: async (client: pg.ClientBase) => {
      await client.query('rollback; deallocate all')
    },
  }
  const pool = new pg.Pool(options as unknown as pg.PoolConfig)
  return {
    pool,
    exchange: messages => pglite.execProtocolRaw(messages),
    async close() {
      await endPool(pool)
      await pglite.close()
    },
  }
}
