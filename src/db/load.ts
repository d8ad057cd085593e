import type { Pool } from 'pg'
import { prepareSession, quoted, type Table, tablesIn } from './dump.ts'
import { MIGRATION_LOCK } from './migrate.ts'
import { inTransaction, type Sql } from './sql.ts'

/** The way back: rows as `dump.ts` has written them, into tables that have none. */

/** Tables that have rows, with a word on how many; servers that run there are rows, too. */
export async function filledTables(sql: Sql): Promise<string[]> {
  const names = (await tablesIn(sql)).map(table => table.name)
  const filled: string[] = []
  for (const name of [...names, 'node']) {
    const [row] = await sql.query<{ found: string | null }>('select to_regclass($1) as found', [quoted(name)])
    if (!row?.found) continue
    const rows = await sql.query(`select 1 as one from ${quoted(name)} limit 1`)
    if (rows.length > 0) filled.push(name)
  }
  return filled
}

interface Constraint {
  table: string
  name: string
  definition: string
}

/**
 * All of what `work` inserts, or nothing. What refers to what is checked once, at the end, so that tables may come in
 * any order; nobody else gets at them before.
 */
export const loading = <T>(pool: Pool, work: (sql: Sql) => Promise<T>): Promise<T> =>
  inTransaction(
    pool,
    async sql => {
      await prepareSession(sql)
      // A server that starts meanwhile waits here for its migrations.
      await sql.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
      const constraints = await sql.query<Constraint>(
        `select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(oid) as definition
         from pg_constraint where contype = 'f' and connamespace = current_schema::regnamespace`,
      )
      for (const { table, name } of constraints) {
        await sql.query(`alter table ${table} drop constraint ${quoted(name)}`)
      }
      const result = await work(sql)
      for (const { table, name, definition } of constraints) {
        await sql.query(`alter table ${table} add constraint ${quoted(name)} ${definition}`)
      }
      await setSequences(sql)
      return result
    },
    0,
  )

export async function insertRows(sql: Sql, { name, columns }: Table, rows: string[]): Promise<void> {
  // Each row is read once: without the offset each column would read it again.
  await sql.query(
    `insert into ${quoted(name)} (${columns.map(quoted).join(', ')}) overriding system value
     select ${columns.map(column => `(made).${quoted(column)}`).join(', ')}
     from (select row::${quoted(name)} as made from unnest($1::text[]) as row offset 0) as each`,
    [rows],
  )
}

/** Numbers that tables give by themselves go on after the last one. */
async function setSequences(sql: Sql): Promise<void> {
  const identities = await sql.query<{ table: string; column: string }>(
    `select attrelid::regclass::text as table, attname as column from pg_attribute join pg_class on attrelid = pg_class.oid
     where relnamespace = current_schema::regnamespace and relkind = 'r' and attidentity <> '' and relname <> 'migration'`,
  )
  for (const { table, column } of identities) {
    await sql.query(
      `select setval(pg_get_serial_sequence($1, $2), coalesce(max(${quoted(column)}), 0) + 1, false) from ${table}`,
      [table, column],
    )
  }
}
