import type { App } from '../../context.ts'
import { type MessageRow, updateStatus } from '../../db/queries/messages.ts'
import { countSettled } from '../../db/queries/waiting.ts'
import type { Sql } from '../../db/sql.ts'
import { type HouseEvent, messageStatus } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { messageChanged } from '../../telemetry/spans.ts'
import { giveBack } from '../billing/quota.ts'
import { applyAction } from './apply-action.ts'
import type { MessageError, StoredMessage } from './shape.ts'
import { advance, type MessageStatus, passed } from './status.ts'
import { storedMessage } from './stored.ts'
import { type StepKind, stepText } from './trail.ts'

export interface StatusChange {
  status: MessageStatus
  error?: MessageError
}

type Changer = Pick<App, 'clock' | 'config' | 'node'>
type Change = StatusChange & { row: MessageRow }

/**
 * Moves a locked row on, with all that follows from it, in the caller's transaction. The events are for the bus, once
 * that has committed; none when the message is there already.
 */
export function changeStatus(sql: Sql, app: Changer, change: Change): Promise<HouseEvent[]> {
  const { id, trace } = change.row
  return messageChanged({ id, trace, error: change.error?.code ?? null }, () => moved(sql, app, change))
}

async function moved(sql: Sql, app: Changer, change: Change): Promise<HouseEvent[]> {
  const { row } = change
  const status = advance(row.status, change.status)
  if (status === row.status) return []
  const error = change.error ?? null
  // Nothing moves on to `pending`.
  const step = stepText({ kind: status as StepKind, at: app.clock.now(), node: app.node.id })
  await updateStatus(sql, { instanceId: row.instanceId, id: row.id, status, error, step })
  const waited = row.status === 'pending'
  if (row.actionOf) {
    const events = waited && status !== 'failed' ? await applyAction(sql, app, row) : []
    if (waited) await countSettled(sql, row.instanceId)
    return events
  }
  const after: StoredMessage = { ...storedMessage(row), status, error }
  const event = await record(sql, app.clock, {
    type: 'message.status',
    tenantId: after.tenantId,
    instanceId: after.instanceId,
    about: after.id,
    data: messageStatus(after),
    passed: passed(row.status, status),
    ...(waited && { waiting: { by: -1 } }),
    subject: after,
  })
  // Last: its row is every sender's of the tenant.
  if (status === 'failed' && row.countedIn) {
    await giveBack(sql, { tenantId: row.tenantId, countedIn: row.countedIn })
  }
  return [event]
}
