import type { Context } from '../../context.ts'
import type { DeliveryRow } from '../../db/queries/webhook-deliveries.ts'
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
