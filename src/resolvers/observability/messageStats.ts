import { type Context, tenantOf } from '../../context.ts'
import { type MessageFigures, messageFigures } from '../../db/queries/rollups.ts'
import { instance } from '../instances/instance.ts'
import { seriesOf, totalOf, type Window, type WindowArgs, windowOf } from './window.ts'

export interface MessageStats extends Window {
  totals: MessageFigures
  series: (MessageFigures & { at: Date })[]
}

export const NO_MESSAGES: MessageFigures = { sent: 0, delivered: 0, read: 0, failed: 0, received: 0 }

/** How many messages reached each state, of all instances or of one. */
export async function messageStats(
  ctx: Context,
  args: WindowArgs & { instanceId?: string | null },
): Promise<MessageStats> {
  const tenantId = tenantOf(ctx)
  const window = windowOf(ctx.clock, args)
  const instanceId = args.instanceId == null ? null : (await instance(ctx, { instanceId: args.instanceId })).id
  const rows = await messageFigures(ctx.db.sql, { tenantId, instanceId, ...window.span })
  return { ...window, totals: totalOf(rows, NO_MESSAGES), series: seriesOf(window, rows, NO_MESSAGES) }
}
