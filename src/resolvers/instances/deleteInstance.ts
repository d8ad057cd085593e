import type { Context } from '../../context.ts'
import { releaseLease } from '../../db/queries/leases.ts'
import { discardMediaOf } from '../../db/queries/media.ts'
import { recordAudit } from '../auth/audit.ts'
import { sweptBefore, tidyMediaDue } from '../media/tidyMediaDue.ts'
import { instance } from './instance.ts'

/** Unlinks the phone as far as WhatsApp can be reached, then deletes the row and, by cascade, all that hangs on it. */
export async function deleteInstance(ctx: Context, args: { instanceId: string }): Promise<boolean> {
  const stored = await instance(ctx, args)
  await ctx.whatsapp.unlink(stored.id)
  await releaseLease(ctx.db.sql, stored.id)
  ctx.lanes.connect(stored.id, null)
  if (stored.sandbox) await ctx.sandbox?.forget(stored.id)
  const { id, tenantId } = stored
  await ctx.db.transaction(async sql => {
    await discardMediaOf(sql, { tenantId, instanceId: id, due: sweptBefore(ctx) })
    await sql.query('delete from instance where id = $1 and tenant_id = $2', [id, tenantId], 'delete-instance')
    await recordAudit(sql, ctx, { action: 'instance.deleted', tenantId, target: id })
  })
  // A `connect` may have come between.
  await ctx.whatsapp.unlink(id)
  ctx.background('tidy media', tidyMediaDue(ctx))
  return true
}
