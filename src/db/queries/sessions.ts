import type { Sql } from '../sql.ts'

export interface NewSession {
  id: string
  tenantId: string
  tokenHash: Uint8Array
  now: Date
  expiresAt: Date
}

export async function insertSession(sql: Sql, session: NewSession): Promise<void> {
  await sql.query(
    'insert into session (id, tenant_id, token_hash, created_at, expires_at) values ($1, $2, $3, $4, $5)',
    [session.id, session.tenantId, session.tokenHash, session.now, session.expiresAt],
    'insert-session',
  )
}

interface Ended {
  id: string
  tenantId: string
}

export async function endSession(sql: Sql, tenantId: string, sessionId: string): Promise<Ended | null> {
  const [row] = await sql.query<Ended>(
    'delete from session where tenant_id = $1 and id = $2 returning id, tenant_id as "tenantId"',
    [tenantId, sessionId],
    'end-session',
  )
  return row ?? null
}

/** Whose ever it is: the holder of the token may end it. */
export async function endSessionOf(sql: Sql, tokenHash: Uint8Array): Promise<Ended | null> {
  const [row] = await sql.query<Ended>(
    'delete from session where token_hash = $1 returning id, tenant_id as "tenantId"',
    [tokenHash],
    'end-session-of',
  )
  return row ?? null
}

/** Written behind; at most once a minute for each. */
export async function writeSessionUses(sql: Sql, ids: string[], times: Date[]): Promise<number> {
  const rows = await sql.query(
    `update session set last_seen_at = use.at from unnest($1::text[], $2::timestamptz[]) as use (id, at)
     where session.id = use.id and (last_seen_at is null or last_seen_at <= use.at - interval '1 minute')
     returning 1 as one`,
    [ids, times],
    'write-session-uses',
  )
  return rows.length
}

/** Of these sessions and keys, those that still open the door. */
export async function stillGoodIds(sql: Sql, ids: { sessionIds: string[]; apiKeyIds: string[] }): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `select session.id from session join tenant on tenant.id = session.tenant_id
     where session.id = any($1) and session.expires_at > now() and tenant.status = 'active'
     union all
     select api_key.id from api_key join tenant on tenant.id = api_key.tenant_id
     where api_key.id = any($2) and api_key.revoked_at is null and tenant.status = 'active'`,
    [ids.sessionIds, ids.apiKeyIds],
    'still-good',
  )
  return rows.map(row => row.id)
}
