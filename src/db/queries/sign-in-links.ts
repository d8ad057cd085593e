import type { Sql } from '../sql.ts'

export interface NewLink {
  hash: Uint8Array
  email: string
  /** Of the account to be made, when the address has none yet. Null: to sign in only. */
  name: string | null
  now: Date
  expiresAt: Date
}

/** One link for each address: the new one puts an end to the older. */
export async function replaceLink(sql: Sql, link: NewLink): Promise<void> {
  await sql.query(
    `insert into sign_in_link (hash, email, name, created_at, expires_at) values ($1, $2, $3, $4, $5)
     on conflict (email) do update set hash = excluded.hash, name = excluded.name,
       created_at = excluded.created_at, expires_at = excluded.expires_at`,
    [link.hash, link.email, link.name, link.now, link.expiresAt],
    'replace-link',
  )
}

/** Uses the link up; of many at once, in transactions that commit, exactly one gets it. */
export async function takeLink(
  sql: Sql,
  hash: Uint8Array,
  now: Date,
): Promise<{ email: string; name: string | null } | null> {
  const [row] = await sql.query<{ email: string; name: string | null }>(
    'delete from sign_in_link where hash = $1 and expires_at > $2 returning email, name',
    [hash, now],
    'take-link',
  )
  return row ?? null
}
