import { mkdir } from 'node:fs/promises'
import pg from 'pg'
import { CONNECTION_TIMEOUT_MS, endPool } from './pool.ts'

/**
 * PGlite behind pg's own pool and client: one driver and one SQL serve both engines. It has a single
 * connection, so a transaction keeps everybody else waiting, and it runs on the main thread.
 */
export async function openPGlite(dir: string): Promise<{ pool: pg.Pool; close(): Promise<void> }> {
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
    async close() {
      await endPool(pool)
      await pglite.close()
    },
  }
}
