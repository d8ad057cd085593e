import type { Sql } from '../sql.ts'

export interface KnownKey {
  id: string
  tenantId: string
  tenantStatus: string
}

/** The key of this hash, unless revoked. */
export async function findApiKey(sql: Sql, hash: Uint8Array): Promise<KnownKey | null> {
  const [row] = await sql.query<KnownKey>(
    `select api_key.id, api_key.tenant_id as "tenantId", tenant.status as "tenantStatus"
     from api_key join tenant on tenant.id = api_key.tenant_id
     where api_key.hash = $1 and api_key.revoked_at is null`,
    [hash],
    'find-api-key',
  )
  return row ?? null
}
