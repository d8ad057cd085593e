import { type Context, tenantOf } from '../../context.ts'
import { type DeliveryRow, findDelivery } from '../../db/queries/webhook-deliveries.ts'
import { notFound } from '../../errors.ts'
import { envelope } from '../../events/envelope.ts'
import type { DeliveryArgs } from './shape.ts'

export interface DeliveryWithRequest extends DeliveryRow {
  request: { url: string; body: string | null }
}

/** One delivery, with what it carries. */
export async function webhookDelivery(ctx: Context, args: DeliveryArgs): Promise<DeliveryWithRequest> {
  const { instanceId, deliveryId } = args
  const row = await findDelivery(ctx.db.sql, { tenantId: tenantOf(ctx), instanceId, deliveryId })
  if (!row) throw notFound('delivery')
  const { url, at, data, ...delivery } = row
  const body = at && data ? envelope({ id: row.eventId, event: row.event, instanceId, at, data }) : null
  return { ...delivery, request: { url, body } }
}
