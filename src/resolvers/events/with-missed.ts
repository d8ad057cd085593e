import type { Context } from '../../context.ts'
import { type EventRow, listEvents } from '../../db/queries/events.ts'
import type { EventType } from '../../events/catalogue.ts'
import { resume } from '../../events/resume.ts'
import { keptSeq, listedSince } from './events.ts'
import { follow } from './follow.ts'

const PAGE_MAX = 200

export interface Missed<Event> {
  tenantId: string
  instanceId: string
  /** The last event that the reader has; null: what is live is all that it wants. */
  after: string | null | undefined
  /** Null: all there are. */
  types: readonly EventType[] | null
  /** Those that were kept, as they are given live. */
  revive: (rows: EventRow[]) => Event[] | Promise<Event[]>
}

/** What is live, and before it what the reader has missed. `live` is open already, and closed when this fails. */
export async function withMissed<Event extends { seq: number }>(
  ctx: Context,
  live: AsyncIterableIterator<Event>,
  { tenantId, instanceId, after, types, revive }: Missed<Event>,
): Promise<AsyncIterableIterator<Event>> {
  try {
    await follow(ctx, instanceId)
    if (after == null) return live
    const seq = await keptSeq(ctx, { tenantId, instanceId, after })
    return resume(live, {
      seq,
      read: async from => {
        const of = { tenantId, instanceId, seq: from, types, since: listedSince(ctx), limit: PAGE_MAX }
        const rows = await listEvents(ctx.db.sql, of)
        return { events: await revive(rows), seq: rows.at(-1)?.seq ?? from, more: rows.length === PAGE_MAX }
      },
    })
  } catch (error) {
    await live.return?.()
    throw error
  }
}
