import type { App } from '../../context.ts'
import { type MessageRow, updateStatus } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import { type HouseEvent, messageStatus } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import type { MessageError, StoredMessage } from './shape.ts'
import { advance, type MessageStatus } from './status.ts'
import { storedMessage } from './stored.ts'

export interface StatusChange {
  status: MessageStatus
  error?: MessageError
}

/** Moves a locked row on and records the event, both in the caller's transaction; null when it is there already. */
export async function changeStatus(
  sql: Sql,
  app: Pick<App, 'clock'>,
  change: StatusChange & { row: MessageRow },
): Promise<HouseEvent | null> {
  const before = storedMessage(change.row)
  const status = advance(before.status, change.status)
  if (status === before.status) return null
  const after: StoredMessage = { ...before, status, error: change.error ?? null }
  await updateStatus(sql, { id: after.id, status, error: after.error })
  return record(sql, app.clock, {
    type: 'message.status',
    tenantId: after.tenantId,
    instanceId: after.instanceId,
    about: after.id,
    data: messageStatus(after),
    subject: after,
  })
}
