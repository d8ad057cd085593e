import type { Context } from '../../context.ts'
import { instance } from './instance.ts'

/** Unlinks the phone as far as WhatsApp can be reached, then deletes the row and, by cascade, all that hangs on it. */
export async function deleteInstance(ctx: Context, args: { instanceId: string }): Promise<boolean> {
  const stored = await instance(ctx, args)
  await ctx.whatsapp.unlink(stored.id)
  if (stored.sandbox) await ctx.sandbox?.forget(stored.id)
  await ctx.db.sql.query(
    'delete from instance where id = $1 and tenant_id = $2',
    [stored.id, stored.tenantId],
    'delete-instance',
  )
  return true
}
