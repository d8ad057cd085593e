import { type Context, tenantOf } from '../../context.ts'
import { type DeliveryRow, replayOne } from '../../db/queries/webhook-deliveries.ts'
import { invalid, notFound } from '../../errors.ts'
import { deliverPending } from './deliverPending.ts'
import { firstTry } from './first-try.ts'
import type { DeliveryArgs } from './shape.ts'
import { webhook } from './webhook.ts'
import { webhookDelivery } from './webhookDelivery.ts'

/** Sends one again, now, with the same id and all its tries before it; waits up to 2 s for the receiver's answer. */
export async function replayDelivery(ctx: Context, args: DeliveryArgs): Promise<DeliveryRow> {
  const { instanceId, deliveryId } = args
  const { webhookId } = await webhookDelivery(ctx, args)
  const stored = await webhook(ctx, { instanceId, webhookId })
  if (!stored.active) throw invalid({ deliveryId: 'is of a webhook that is not active: activate it first' })
  const tenantId = tenantOf(ctx)
  const tried = firstTry(ctx, { tenantId, instanceId })
  try {
    const replayed = await ctx.db.transaction(async sql => {
      const row = await replayOne(sql, { tenantId, instanceId, deliveryId })
      if (!row) throw notFound('delivery')
      await ctx.once?.keep(sql, row)
      return row
    })
    deliverPending(ctx, { tenantId, webhookId })
    return (await ctx.pass.aside(tried.of(deliveryId))) ?? replayed
  } finally {
    tried.cancel()
  }
}
