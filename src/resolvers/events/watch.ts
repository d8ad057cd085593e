import type { Context } from '../../context.ts'
import type { EventRow } from '../../db/queries/events.ts'
import { messagesByIds } from '../../db/queries/message-batches.ts'
import type { EventData, EventType, HouseEvent } from '../../events/catalogue.ts'
import { qrIn, statusIn } from '../../events/read-data.ts'
import { instance } from '../instances/instance.ts'
import type { InstanceStatus, QrUpdate } from '../instances/shape.ts'
import type { MessageError, StoredMessage } from '../messages/shape.ts'
import { storedMessage } from '../messages/stored.ts'
import { withMissed } from './with-missed.ts'

/** What a subscription to each event gives. */
interface Subjects {
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
    revive: async rows => (await revive(ctx, tenantId, rows)) as HouseEvent<Type, Subjects[Type]>[],
  })
}

/** Events with what they are about as it is now, but for what the event itself says of it; without what is gone. */
async function revive(ctx: Context, tenantId: string, rows: EventRow[]): Promise<HouseEvent[]> {
  const ids = rows.filter(row => row.type.startsWith('message.')).map(row => row.about)
  const found = ids.length > 0 ? await messagesByIds(ctx.db.sql, tenantId, ids) : []
  const messages = new Map(found.map(row => [row.id, storedMessage(row)]))
  return rows.flatMap(row => {
    const subject = subjectOf(row, messages)
    return subject ? [{ ...row, type: row.type, subject } as unknown as HouseEvent] : []
  })
}

function subjectOf({ type, about, data }: EventRow, messages: Map<string, StoredMessage>): Subjects[Watched] | null {
  if (type === 'connection.update') return statusIn(data as EventData['connection.update']) as InstanceStatus
  if (type === 'qr.updated') return qrIn(data as EventData['qr.updated'])
  const message = messages.get(about)
  if (!message || type !== 'message.status') return message ?? null
  return {
    ...message,
    status: data.status as StoredMessage['status'],
    error: data.error as MessageError | null,
  }
}

/** The object of an event, with the id to go on after. */
export const withEventId = <Subject extends object>({
  id,
  subject,
}: HouseEvent<EventType, Subject>): Subject & { eventId: string } => ({ ...subject, eventId: id })
