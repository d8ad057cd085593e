import type { Context } from '../../context.ts'
import type { EventRow } from '../../db/queries/events.ts'
import type { EventType } from '../../events/catalogue.ts'
import { only } from '../../events/only.ts'
import { instance } from '../instances/instance.ts'
import type { WatchArgs } from './watch.ts'
import { withMissed } from './with-missed.ts'

/** Each event as webhooks carry it, of these types or of all, from now on; with `after`, those since that event first. */
export async function eventOccurred(
  ctx: Context,
  args: WatchArgs & { events?: readonly EventType[] | null },
): Promise<AsyncIterableIterator<EventRow>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const types = args.events ?? null
  const all: AsyncIterableIterator<EventRow> = ctx.bus.subscribe({ tenantId, instanceId, type: null })
  const live = types ? only(all, event => types.includes(event.type as EventType)) : all
  return withMissed(ctx, live, { tenantId, instanceId, after: args.after, types, revive: rows => rows })
}
