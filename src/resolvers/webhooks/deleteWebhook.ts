import { type Context, tenantOf } from '../../context.ts'
import { endWebhook } from '../../db/queries/webhooks.ts'
import { notFound } from '../../errors.ts'
import { recordAudit } from '../auth/audit.ts'
import type { WebhookArgs } from './shape.ts'
import { tidyWebhooksDue } from './tidyWebhooksDue.ts'

/** Nothing is delivered to it from now on, and its log goes with it. */
export async function deleteWebhook(ctx: Context, { instanceId, webhookId }: WebhookArgs): Promise<boolean> {
  const tenantId = tenantOf(ctx)
  await ctx.db.transaction(async sql => {
    const ended = await endWebhook(sql, { tenantId, instanceId, webhookId, now: ctx.clock.now() })
    if (!ended) throw notFound('webhook')
    await recordAudit(sql, ctx, { action: 'webhook.deleted', tenantId, target: webhookId })
  })
  ctx.background('tidy webhooks', tidyWebhooksDue(ctx))
  return true
}
