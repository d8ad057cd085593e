import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'

/** How long anything waits for a connection. */
export const CONNECTION_TIMEOUT_MS = 5_000
const MAX_CONNECTIONS = 20
const STATEMENT_TIMEOUT_MS = 30_000
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 30_000

/** As which PostgreSQL shows the connections of this process. */
export const CONNECTIONS = `wataki ${randomBytes(8).toString('hex')}`

/** pg's options for a server at this address. */
export function poolConfig(address: pg.PoolConfig): pg.PoolConfig {
  return {
    ...address,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    max: MAX_CONNECTIONS,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    application_name: CONNECTIONS,
  }
}

const END_TIMEOUT_MS = 10_000

/** Waits for the connections in use to come back, but not for ever: the end of the process takes the rest. */
export async function endPool(pool: pg.Pool): Promise<void> {
  await Promise.race([pool.end(), sleep(END_TIMEOUT_MS, undefined, { ref: false })])
}
