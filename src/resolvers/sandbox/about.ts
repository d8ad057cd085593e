import { type Context, tenantOf } from '../../context.ts'
import { findMessage } from '../../db/queries/messages.ts'
import { notFound } from '../../errors.ts'

/** WhatsApp's id of a message of ours, under which the contact's phone knows it. */
export async function whatsappIdOf(ctx: Context, at: { instanceId: string; messageId: string }): Promise<string> {
  const row = await findMessage(ctx.db.sql, { tenantId: tenantOf(ctx), ...at })
  if (!row) throw notFound('message')
  return row.whatsappId
}
