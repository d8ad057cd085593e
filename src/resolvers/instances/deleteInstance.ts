import type { Context } from '../../context.ts'
import { endLease } from '../../db/queries/leases.ts'
import { discardMediaOf } from '../../db/queries/media.ts'
import { deleteDeliveries, deleteEvents, deleteMessages } from '../../db/queries/pieces.ts'
import { uncountPending } from '../../db/queries/usage.ts'
import { notFound } from '../../errors.ts'
import { recordAudit } from '../auth/audit.ts'
import { sweptBefore, tidyMediaDue } from '../media/tidyMediaDue.ts'
import { onOwner } from '../nodes/onOwner.ts'
import { instance } from './instance.ts'

const PIECE = 5000

/** Unlinks the phone as far as WhatsApp can be reached, then deletes the row and, by cascade, all that hangs on it. */
export async function deleteInstance(ctx: Context, args: { instanceId: string }): Promise<boolean> {
  const stored = await instance(ctx, args)
  await ctx.pass.aside(onOwner(ctx, stored.id, 'unlink', {}))
  await endLease(ctx.db.sql, stored.id)
  if (stored.sandbox) await ctx.sandbox?.forget(stored.id)
  const { id, tenantId } = stored
  await emptyInstance(ctx, stored)
  await ctx.db.transaction(async sql => {
    // Locked first, as by all who write for a session: nobody waits in a ring.
    if (!(await endLease(sql, id))) throw notFound('instance')
    await discardMediaOf(sql, { tenantId, instanceId: id, due: sweptBefore(ctx) })
    // What is pending is not sent any more: its place in the quota comes back.
    await uncountPending(sql, { tenantId, instanceId: id })
    await sql.query('delete from instance where id = $1 and tenant_id = $2', [id, tenantId], 'delete-instance')
    await recordAudit(sql, ctx, { action: 'instance.deleted', tenantId, target: id })
  })
  ctx.bus.gone(id)
  ctx.relay.tell(['gone', id])
  // A `connect` may have come between.
  await ctx.whatsapp.unlink(id)
  ctx.background('tidy media', tidyMediaDue(ctx))
  return true
}

/**
 * One statement that cascades over millions of rows would not end in time: what there is most of goes before, in pieces.
 * What is pending stays until the last statement, which gives its place in the quota back.
 */
async function emptyInstance(ctx: Context, { id, tenantId }: { id: string; tenantId: string }): Promise<void> {
  const piece = { tenantId, instanceId: id, limit: PIECE }
  while ((await deleteDeliveries(ctx.db.sql, piece)) === PIECE);
  while ((await deleteEvents(ctx.db.sql, piece)) === PIECE);
  while ((await deleteMessages(ctx.db.sql, piece)) === PIECE);
}
