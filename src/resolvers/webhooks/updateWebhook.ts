import { type Context, tenantOf } from '../../context.ts'
import { changeWebhook } from '../../db/queries/webhooks.ts'
import { notFound } from '../../errors.ts'
import type { WebhookEventType } from '../../events/payloads.ts'
import { recordAudit } from '../auth/audit.ts'
import { assertReachable } from './place.ts'
import type { StoredWebhook, WebhookArgs } from './shape.ts'
import { webhook } from './webhook.ts'

export interface UpdateWebhookArgs extends WebhookArgs {
  input: { url?: string | null; events?: WebhookEventType[] | null; active?: boolean | null }
}

export async function updateWebhook(ctx: Context, args: UpdateWebhookArgs): Promise<StoredWebhook> {
  const { instanceId, webhookId, input } = args
  await webhook(ctx, { instanceId, webhookId })
  if (input.url != null) await assertReachable(ctx, input.url)
  const tenantId = tenantOf(ctx)
  return ctx.db.transaction(async sql => {
    const changed = await changeWebhook(sql, {
      tenantId,
      instanceId,
      webhookId,
      url: input.url ?? null,
      events: input.events ? [...new Set(input.events)] : null,
      active: input.active ?? null,
      now: ctx.clock.now(),
    })
    if (!changed) throw notFound('webhook')
    await recordAudit(sql, ctx, { action: 'webhook.updated', tenantId, target: webhookId })
    return changed
  })
}
