import { type Context, tenantOf } from '../../context.ts'
import { findMessage } from '../../db/queries/messages.ts'
import { notFound } from '../../errors.ts'
import type { StoredMessage } from './shape.ts'
import { storedMessage } from './stored.ts'

export async function message(ctx: Context, args: { instanceId: string; messageId: string }): Promise<StoredMessage> {
  const row = await findMessage(ctx.db.sql, { tenantId: tenantOf(ctx), ...args })
  if (!row) throw notFound('message')
  return storedMessage(row)
}
