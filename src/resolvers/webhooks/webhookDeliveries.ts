import { type Context, tenantOf } from '../../context.ts'
import { type DeliveryRow, type DeliveryStatus, listDeliveries } from '../../db/queries/webhook-deliveries.ts'
import type { EventType } from '../../events/catalogue.ts'
import { type PageArgs, type PageOf, pager } from '../page.ts'
import type { WebhookArgs } from './shape.ts'
import { webhook } from './webhook.ts'

export interface ListDeliveriesArgs extends WebhookArgs, PageArgs {
  status?: DeliveryStatus | null
  event?: EventType | null
}

/** The log of a webhook, newest first: 30 days of it. */
export async function webhookDeliveries(ctx: Context, args: ListDeliveriesArgs): Promise<PageOf<DeliveryRow>> {
  const { instanceId, webhookId, status = null, event = null } = args
  await webhook(ctx, { instanceId, webhookId })
  const pages = pager(ctx, `deliveries ${webhookId}`)
  const after = pages.after(args.cursor)
  const limit = args.limit ?? 50
  const of = { tenantId: tenantOf(ctx), instanceId, webhookId, status, event, after, limit: limit + 1 }
  return pages.page(await listDeliveries(ctx.db.sql, of), limit)
}
