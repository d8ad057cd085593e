import { type Context, tenantOf } from '../../context.ts'
import { findWebhook } from '../../db/queries/webhooks.ts'
import { notFound } from '../../errors.ts'
import type { StoredWebhook, WebhookArgs } from './shape.ts'

/** One webhook of the caller's instance; a foreign and a missing one are the same 404. */
export async function webhook(ctx: Context, args: WebhookArgs): Promise<StoredWebhook> {
  const found = await findWebhook(ctx.db.sql, { tenantId: tenantOf(ctx), ...args })
  if (!found) throw notFound('webhook')
  return found
}
