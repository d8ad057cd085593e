import { type Context, tenantOf } from '../../context.ts'
import { type DeliveryRow, deliveriesByIds } from '../../db/queries/webhook-deliveries.ts'
import { invalid } from '../../errors.ts'
import { webhookTest } from '../../events/catalogue.ts'
import { deliveryIds, record } from '../../events/record.ts'
import { firstTry } from './first-try.ts'
import type { WebhookArgs } from './shape.ts'
import { webhook } from './webhook.ts'

/** Sends an event of its own to the webhook, and waits up to 2 s for the receiver's answer. */
export async function testWebhook(ctx: Context, args: WebhookArgs): Promise<DeliveryRow> {
  const stored = await webhook(ctx, args)
  if (!stored.active) throw invalid({ webhookId: 'is not active: activate it first' })
  const tenantId = tenantOf(ctx)
  const { instanceId, webhookId } = args
  const tried = firstTry(ctx, { tenantId, instanceId })
  try {
    const { event, delivery } = await ctx.db.transaction(async sql => {
      const event = await record(sql, ctx.clock, {
        type: 'webhook.test',
        tenantId,
        instanceId,
        about: webhookId,
        data: webhookTest({ id: webhookId }),
        subject: null,
        webhookId,
      })
      const [delivery] = await deliveriesByIds(sql, { tenantId, instanceId, ids: deliveryIds(event) })
      // It was deactivated or deleted meanwhile.
      if (!delivery) throw invalid({ webhookId: 'is not active: activate it first' })
      await ctx.once?.keep(sql, delivery)
      return { event, delivery }
    })
    ctx.bus.publish(event)
    return (await ctx.pass.aside(tried.of(delivery.id))) ?? delivery
  } finally {
    tried.cancel()
  }
}
