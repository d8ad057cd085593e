import { type Context, tenantOf } from '../../context.ts'
import { endApiKey } from '../../db/queries/api-keys.ts'
import { notFound } from '../../errors.ts'
import { recordAudit } from './audit.ts'

/** Holds at once and on every node: each request asks the database. */
export async function revokeApiKey(ctx: Context, args: { keyId: string }): Promise<boolean> {
  const tenantId = tenantOf(ctx)
  await ctx.db.transaction(async sql => {
    const ended = await endApiKey(sql, tenantId, { id: args.keyId, now: ctx.clock.now() })
    if (!ended) throw notFound('key')
    await recordAudit(sql, ctx, { action: 'api_key.revoked', tenantId, target: args.keyId })
  })
  ctx.revocations.publish({ tenantId, apiKeyId: args.keyId })
  return true
}
