import type pg from 'pg'

/** Runs one statement; without a limit of time. */
export type Run = (text: string, values?: unknown[]) => Promise<void>

/**
 * Writes many rows of `tables`: foreign keys are not looked at, and indexes are made when all is there. What is cut off leaves a
 * database without them.
 */
export async function inBulk(pool: pg.Pool, tables: string[], write: (run: Run) => Promise<void>): Promise<void> {
  const client = await pool.connect()
  const unhurried = { query_timeout: 0 } as Partial<pg.QueryConfig>
  const run: Run = async (text, values) => void (await client.query({ text, values, ...unhurried }))
  try {
    await run('set statement_timeout = 0; set session_replication_role = replica; set maintenance_work_mem = 1000000')
    await run('set synchronous_commit = off')
    const { rows: indexes } = await client.query<{ name: string; text: string }>(
      `select indexname as name, indexdef as text from pg_indexes join pg_index on indexrelid = indexname::regclass
       where tablename = any($1) and not indisprimary`,
      [tables],
    )
    for (const { name } of indexes) await run(`drop index ${name}`)
    await write(run)
    for (const { text } of indexes) await run(text)
    await run('vacuum analyze')
  } finally {
    client.release(true)
  }
}
