import type { App } from '../../context.ts'
import { type EventRow, eventsAfter } from '../../db/queries/events.ts'
import { messagesByIds } from '../../db/queries/message-batches.ts'
import type { EventData, HouseEvent } from '../../events/catalogue.ts'
import { qrIn, statusIn } from '../../events/read-data.ts'
import type { InstanceStatus } from '../instances/shape.ts'
import type { MessageError, StoredMessage } from '../messages/shape.ts'
import { storedMessage } from '../messages/stored.ts'
import type { Subjects } from './watch.ts'

/**
 * Kept events with what they are about as it is now, but for what the event itself says of it; `subject` is null when
 * that is gone, or when the event is about nothing that is given.
 */
export async function revive(app: Pick<App, 'db'>, tenantId: string, rows: EventRow[]): Promise<HouseEvent[]> {
  const ids = rows.filter(row => row.type.startsWith('message.')).map(row => row.about)
  const found = ids.length > 0 ? await messagesByIds(app.db.sql, tenantId, ids) : []
  const messages = new Map(found.map(row => [row.id, storedMessage(row)]))
  // Its webhooks are those who recorded it know of.
  return rows.map(row => ({ ...row, webhooks: [], subject: subjectOf(row, messages) }) as unknown as HouseEvent)
}

function subjectOf(
  { type, about, data }: EventRow,
  messages: Map<string, StoredMessage>,
): Subjects[keyof Subjects] | null {
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

const PAGE_MAX = 200

/** What other nodes have recorded of an instance, for those who listen here. */
export async function readRecorded(app: App, instanceId: string, seq: number): Promise<HouseEvent[]> {
  const rows = await eventsAfter(app.db.sql, { instanceId, seq, limit: PAGE_MAX })
  return rows[0] ? revive(app, rows[0].tenantId, rows) : []
}
