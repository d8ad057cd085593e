import { type Context, tenantOf } from '../../context.ts'
import { ApiKey } from '../../db/entities/api-key.ts'
import { API_KEYS_MAX } from './createApiKey.ts'

/** Those that are not revoked, newest first. */
export async function apiKeys(ctx: Context): Promise<{ data: ApiKey[] }> {
  const data = await ctx.em.find(
    ApiKey,
    { tenantId: tenantOf(ctx), revokedAt: null },
    { orderBy: { id: 'desc' }, limit: API_KEYS_MAX },
  )
  return { data }
}
