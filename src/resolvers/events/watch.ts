import type { Context } from '../../context.ts'
import type { EventType, HouseEvent } from '../../events/catalogue.ts'
import { instance } from '../instances/instance.ts'
import type { InstanceStatus, QrUpdate } from '../instances/shape.ts'
import type { StoredMessage } from '../messages/shape.ts'
import { revive } from './revive.ts'
import { withMissed } from './with-missed.ts'

/** What a subscription to each event gives. */
export interface Subjects {
  'message.received': StoredMessage
  'message.created': StoredMessage
  'message.updated': StoredMessage
  'message.status': StoredMessage
  'message.reaction': StoredMessage
  'connection.update': InstanceStatus
  'qr.updated': QrUpdate
}

type Watched = keyof Subjects

export interface WatchArgs {
  instanceId: string
  /** The last event that the reader has: its id, or its `seq`. */
  after?: string | null
}

/** Each event of a type from now on; with `after`, those since that event first. */
export async function watch<Type extends Watched>(
  ctx: Context,
  args: WatchArgs,
  type: Type,
): Promise<AsyncIterableIterator<HouseEvent<Type, Subjects[Type]>>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const live = ctx.bus.subscribe<Type, Subjects[Type]>({ tenantId, instanceId, type })
  return withMissed(ctx, live, {
    tenantId,
    instanceId,
    after: args.after,
    types: [type],
    revive: async rows =>
      (await revive(ctx, tenantId, rows)).filter(({ subject }) => subject !== null) as HouseEvent<
        Type,
        Subjects[Type]
      >[],
  })
}

/** The object of an event, with the id to go on after. */
export const withEventId = <Subject extends object>({
  id,
  subject,
}: HouseEvent<EventType, Subject>): Subject & { eventId: string } => ({ ...subject, eventId: id })
