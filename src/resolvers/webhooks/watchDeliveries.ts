import type { App, Context } from '../../context.ts'
import { type DeliveryRow, deliveriesByIds } from '../../db/queries/webhook-deliveries.ts'
import { instance } from '../instances/instance.ts'
import { feedKey } from './lanes.ts'

/** Each delivery of the instance's webhooks as it is after a try, from now on. */
export async function watchDeliveries(
  ctx: Context,
  args: { instanceId: string },
): Promise<AsyncIterableIterator<DeliveryRow>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  return ctx.deliveries.feed.subscribe(feedKey({ tenantId, instanceId }))
}

/** Deliveries have been tried, here or on another node: read only when somebody listens here. */
export async function tellTried(
  app: App,
  { tenantId, instanceId, ids }: { tenantId: string; instanceId: string; ids: string[] },
): Promise<void> {
  const key = feedKey({ tenantId, instanceId })
  if (ids.length === 0 || !app.deliveries.feed.isWatched(key)) return
  for (const row of await deliveriesByIds(app.db.sql, { tenantId, instanceId, ids }))
    app.deliveries.feed.publish(key, row)
}
