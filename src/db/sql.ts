import type { EntityManager } from '@mikro-orm/postgresql'
import { CompiledQuery } from 'kysely'
import type { Pool, PoolClient, QueryConfig } from 'pg'
import { ApiError, unavailable } from '../errors.ts'

/**
 * SQL by hand, for the hot paths and for what an ORM cannot say. The same function takes it over the pool
 * (each statement its own transaction), inside `transaction` and inside MikroORM's (`sqlOf(em)`).
 */
export interface Sql {
  /**
   * Rows with the column names of the statement. `timestamptz` is a Date, `bytea` a Buffer, `bigint` a string.
   * For a `jsonb` parameter pass JSON text: an array would become a PostgreSQL array. `name` prepares the
   * statement once per connection; one name belongs to one text.
   */
  query<R extends object>(text: string, params?: readonly unknown[], name?: string): Promise<R[]>
}

/**
 * How long a statement is waited for. The server ends its own at 30 s (`statement_timeout`), so this is for a server that
 * has stopped answering altogether. Whether the statement happened is not known then.
 */
const ANSWER_TIMEOUT_MS = 35_000

export function sqlOverPool(pool: Pool, timeoutMs = ANSWER_TIMEOUT_MS): Sql {
  return { query: (text, params, name) => rowsFrom(pool.query(statementOf(text, params, name, timeoutMs))) }
}

function sqlOverClient(client: PoolClient, timeoutMs: number): Sql {
  return { query: (text, params, name) => rowsFrom(client.query(statementOf(text, params, name, timeoutMs))) }
}

/** Inside MikroORM's transaction when `em` is in one, otherwise autocommit over the same pool. */
export function sqlOf(em: EntityManager): Sql {
  return {
    query: (text, params, name) => {
      const executor = em.getTransactionContext() ?? em.getConnection().getClient()
      // Kysely hands `sql` to pg's `query` untouched; pg also takes an object there, and only that can carry a name and a limit.
      const sql = { text, name, query_timeout: ANSWER_TIMEOUT_MS } as unknown as string
      return rowsFrom(executor.executeQuery({ ...CompiledQuery.raw(text, [...(params ?? [])]), sql }))
    },
  }
}

/**
 * Commits when `work` resolves, rolls back when it throws; retries nothing. `work` must not wait for anything
 * but this database: a connection, and on PGlite the whole database, is held until it ends.
 */
export async function inTransaction<T>(
  pool: Pool,
  work: (sql: Sql) => Promise<T>,
  timeoutMs = ANSWER_TIMEOUT_MS,
): Promise<T> {
  const client = await pool.connect().catch(rethrow)
  const sql = sqlOverClient(client, timeoutMs)
  let broken: Error | undefined
  try {
    await sql.query('begin')
    const result = await work(sql)
    await sql.query('commit')
    return result
  } catch (error) {
    // A client that cannot even roll back has no known state: it must not go back into the pool.
    await sql.query('rollback').catch((failure: Error) => (broken = failure))
    return rethrow(error)
  } finally {
    client.release(broken)
  }
}

/** As pg takes it. */
export const statementOf = (
  text: string,
  params: readonly unknown[] = [],
  name?: string,
  timeoutMs = ANSWER_TIMEOUT_MS,
): QueryConfig & { query_timeout: number } => ({
  text,
  values: params as unknown[],
  name,
  query_timeout: timeoutMs,
})

/** The rows of what pg answers; its errors in the words of the house. */
export async function rowsFrom<R>(result: Promise<{ rows: unknown[] }>): Promise<R[]> {
  return (await result.catch(rethrow)).rows as R[]
}

/** In the words of the house. */
export function rethrow(error: unknown): never {
  throw refusalOf(error) ?? error
}

/** What the caller may hear of it: 503, and nothing of it happened; null: it is another error. */
export function refusalOf(error: unknown): ApiError | null {
  if (error instanceof ApiError) return error
  if (isConnectionLost(error)) return unavailable('The database cannot be reached right now', error)
  if (isDeadlock(error)) return unavailable('Another request was in the way', error)
  if (isGivenUp(error)) return unavailable('The database takes too long right now', error)
  return null
}

/** Two transactions waited for each other, and this one gave way: nothing of it happened, and it may be tried again. */
export const isDeadlock = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === '40P01'

/** 57014: ended at its limit of time; 26000: sent right behind the one that was to prepare it, and failed. */
const isGivenUp = (error: unknown): boolean =>
  ['57014', '26000'].includes((error as { code?: string } | null)?.code ?? '')

/** Connection refused, cut, not handed out in time, or without an answer for too long. */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: unknown }).code
  // 08: connection exceptions; 57P01-3: the server shuts down, crashed or starts; 57P05: it was idle for too long; 53300: too
  // many connections.
  if (
    typeof code === 'string' &&
    /^(08...|57P0[1235]|53300|ECONN.*|EPIPE|ENOENT|ETIMEDOUT|EHOST.*|ENET.*|ENOTFOUND|EAI_AGAIN)$/.test(code)
  ) {
    return true
  }
  return /^(Connection terminated|Query read timeout|timeout exceeded when trying to connect|timeout expired|Client has encountered a connection error)/.test(
    error.message,
  )
}

/** True for a unique violation, of `constraint` when one is named; works for pg's errors and MikroORM's. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (!(error instanceof Error)) return false
  const { code, constraint: violated } = error as { code?: string; constraint?: string }
  return code === '23505' && (constraint === undefined || violated === constraint)
}

/** What a row refers to is not there, or not any more. */
export const isForeignKeyViolation = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === '23503'
