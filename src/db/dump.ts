import type { Pool } from 'pg'
import { inTransaction, type Sql } from './sql.ts'

/**
 * All rows as text, as of one moment, and back into an empty database of the same tables. A row is PostgreSQL's own
 * text of it, which its types read again bit by bit; plain statements do it, so every engine can.
 */

export interface Table {
  name: string
  /** Those that are stored, in their order. */
  columns: string[]
}

/** Of processes, and the list of migrations, which running them makes. */
const LEFT_OUT = ['node', 'command', 'migration']

/** They take as long as they take. What the text of a value is must not depend on settings. */
const SESSION = [
  'set local statement_timeout = 0',
  'set local idle_in_transaction_session_timeout = 0',
  "set local timezone = 'UTC'",
  "set local datestyle = 'ISO, YMD'",
  "set local intervalstyle = 'postgres'",
  "set local bytea_output = 'hex'",
  'set local extra_float_digits = 1',
]

export async function prepareSession(sql: Sql): Promise<void> {
  for (const statement of SESSION) await sql.query(statement)
}

/** What `work` reads is of one moment, however long it takes, and nobody waits for it. */
export const inSnapshot = <T>(pool: Pool, work: (sql: Sql) => Promise<T>): Promise<T> =>
  inTransaction(
    pool,
    async sql => {
      await sql.query('set transaction isolation level repeatable read, read only')
      await prepareSession(sql)
      return work(sql)
    },
    0,
  )

/** Every table of ours whose rows are worth keeping. */
export const tablesIn = (sql: Sql): Promise<Table[]> =>
  sql.query<Table>(
    `select relname as name, array_agg(attname::text order by attnum) as columns
     from pg_class join pg_attribute on attrelid = pg_class.oid
     where relnamespace = current_schema::regnamespace and relkind = 'r' and relname <> all($1)
       and attnum > 0 and not attisdropped and attgenerated = ''
     group by relname order by relname`,
    [LEFT_OUT],
  )

export async function migrationsIn(sql: Sql): Promise<string[]> {
  const [found] = await sql.query<{ found: string | null }>(`select to_regclass('migration') as found`)
  if (!found?.found) return []
  return (await sql.query<{ name: string }>('select name from migration order by id')).map(row => row.name)
}

const BATCH_BYTES = 4 * 1024 * 1024
const BATCH_ROWS_MAX = 500

/** Batches of some megabytes, whatever a row takes. Only inside `inSnapshot`. */
export async function* rowsOf(sql: Sql, { name }: Table): AsyncGenerator<string[], void> {
  await sql.query(`declare dumped no scroll cursor for select kept::text as row from ${quoted(name)} as kept`)
  try {
    for (let count = 50; ; ) {
      const rows = (await sql.query<{ row: string }>(`fetch ${count} from dumped`)).map(({ row }) => row)
      if (rows.length === 0) return
      yield rows
      const bytes = rows.reduce((sum, row) => sum + row.length, 0)
      count = Math.max(1, Math.min(BATCH_ROWS_MAX, Math.floor((BATCH_BYTES * rows.length) / bytes)))
    }
  } finally {
    await sql.query('close dumped').catch(() => {})
  }
}

export interface StoredFile {
  key: string
  sizeBytes: number
}

/** What must be in the store for the rows to be whole. */
export const filesIn = (sql: Sql): Promise<StoredFile[]> =>
  sql.query<StoredFile>(
    `select storage_key as key, size_bytes::float8 as "sizeBytes" from media where storage_key is not null order by id`,
  )

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`
