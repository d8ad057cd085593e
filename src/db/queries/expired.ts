import type { Sql } from '../sql.ts'

/** What is of no use any more, by table: the column that says so. */
const EXPIRED = {
  session: 'expires_at',
  sign_in_link: 'expires_at',
  mail: 'expires_at',
  mail_request: 'last_at',
  api_key: 'revoked_at',
  first_answer: 'expires_at',
} as const

export type Expiring = keyof typeof EXPIRED

/** Deletes rows whose time was before `before`, a bounded number at a time; answers how many. */
export async function deleteExpired(sql: Sql, table: Expiring, at: { before: Date; limit: number }): Promise<number> {
  const rows = await sql.query(
    `delete from ${table} where ctid in (select ctid from ${table} where ${EXPIRED[table]} < $1 limit $2)
     returning 1 as one`,
    [at.before, at.limit],
    `delete-expired-${table}`,
  )
  return rows.length
}
