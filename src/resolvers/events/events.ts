import type { App, Context } from '../../context.ts'
import { type EventRow, eventCounts, listEvents, seqOf } from '../../db/queries/events.ts'
import { invalid } from '../../errors.ts'
import { instance } from '../instances/instance.ts'
import type { PageOf } from '../page.ts'

/** How long a caller may take to catch up. What deliveries carry is kept for longer, and listed no longer. */
const LISTED_MS = 7 * 24 * 3600 * 1000
export const listedSince = (app: Pick<App, 'clock'>): Date => new Date(app.clock.nowMs() - LISTED_MS)

/** What happened after an event that the caller has, oldest first: to catch up after an outage. */
export async function events(
  ctx: Context,
  args: { instanceId: string; after?: string | null; limit?: number | null },
): Promise<PageOf<EventRow>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const limit = args.limit ?? 50
  const seq = args.after == null ? 0 : await keptSeq(ctx, { tenantId, instanceId, after: args.after })
  const rows = await listEvents(ctx.db.sql, {
    tenantId,
    instanceId,
    seq,
    types: null,
    since: listedSince(ctx),
    limit: limit + 1,
  })
  const data = rows.slice(0, limit)
  return { data, page: { nextCursor: rows.length > limit ? data.at(-1)!.id : null } }
}

/** So many digits are an exact number. */
const SEQ = /^\d{1,15}$/

/** The place of an event from which a caller wants to go on, named by its id or by that place. */
export async function keptSeq(
  ctx: Context,
  of: { tenantId: string; instanceId: string; after: string },
): Promise<number> {
  const { tenantId, instanceId, after } = of
  if (SEQ.test(after)) {
    const [counted] = await eventCounts(ctx.db.sql, { tenantId, instanceIds: [instanceId] })
    if (counted && Number(after) <= counted.count) return Number(after)
  } else {
    const seq = await seqOf(ctx.db.sql, { tenantId, instanceId, eventId: after, since: listedSince(ctx) })
    if (seq !== null) return seq
  }
  throw invalid({ after: 'is neither the id of an event of this instance of the last 7 days nor the seq of one' })
}
