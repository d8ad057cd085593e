import type { Sql } from '../sql.ts'

/** Live keys of the tenant. Its row stays locked, so that no two calls count the same. */
export async function countApiKeysLocked(sql: Sql, tenantId: string): Promise<number> {
  await sql.query('select 1 as one from tenant where id = $1 for no key update', [tenantId], 'lock-tenant')
  const [row] = await sql.query<{ count: number }>(
    'select count(*)::int as count from api_key where tenant_id = $1 and revoked_at is null',
    [tenantId],
    'count-api-keys',
  )
  return row!.count
}

export interface NewApiKey {
  id: string
  tenantId: string
  name: string
  prefix: string
  hash: Uint8Array
  now: Date
}

export async function insertApiKey(sql: Sql, key: NewApiKey): Promise<void> {
  await sql.query(
    'insert into api_key (id, tenant_id, name, prefix, hash, created_at) values ($1, $2, $3, $4, $5, $6)',
    [key.id, key.tenantId, key.name, key.prefix, key.hash, key.now],
    'insert-api-key',
  )
}

/** False when the tenant has no such key, or has it no more. */
export async function endApiKey(sql: Sql, tenantId: string, key: { id: string; now: Date }): Promise<boolean> {
  const rows = await sql.query(
    `update api_key set revoked_at = $3 where tenant_id = $1 and id = $2 and revoked_at is null returning 1 as one`,
    [tenantId, key.id, key.now],
    'end-api-key',
  )
  return rows.length > 0
}

/** Written behind; at most once a minute for each. */
export async function writeApiKeyUses(sql: Sql, ids: string[], times: Date[]): Promise<number> {
  const rows = await sql.query(
    `update api_key set last_used_at = use.at from unnest($1::text[], $2::timestamptz[]) as use (id, at)
     where api_key.id = use.id and (last_used_at is null or last_used_at <= use.at - interval '1 minute')
     returning 1 as one`,
    [ids, times],
    'write-api-key-uses',
  )
  return rows.length
}
