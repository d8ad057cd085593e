import type { Sql } from '../sql.ts'

/** Marks rows of the write-ahead inbox as done, in the transaction that stores what they say. Keys are hex of the hash. */
export async function settleInbox(sql: Sql, instanceId: string, inboxKeys: string[], now: Date): Promise<void> {
  await sql.query(
    'update inbox set settled_at = $3 where instance_id = $1 and hash = any($2) and settled_at is null',
    [instanceId, inboxKeys.map(key => Buffer.from(key, 'hex')), now],
    'settle-inbox',
  )
}

/** Deletes settled rows older than `before`, a bounded number at a time; answers how many. */
export async function tidyInbox(sql: Sql, before: Date, limit: number): Promise<number> {
  const rows = await sql.query(
    `delete from inbox where ctid in (select ctid from inbox where settled_at < $1 order by settled_at limit $2) returning 1 as one`,
    [before, limit],
    'tidy-inbox',
  )
  return rows.length
}
