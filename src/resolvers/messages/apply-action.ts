import type { App } from '../../context.ts'
import {
  lockMessage,
  type MessageRow,
  markDeleted,
  updateContent,
  updateReactions,
  updateStatus,
} from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import { type HouseEvent, messageUpdated } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { withReaction } from './reactions.ts'
import type { StoredMessage } from './shape.ts'
import { storedMessage } from './stored.ts'

/** What a row that is no message of its own does to its message, now that WhatsApp has it. */
export type Action =
  | { type: 'reaction'; emoji: string }
  | { type: 'edit'; content: Record<string, unknown> }
  | { type: 'delete' }
  | { type: 'read' }

export async function applyAction(
  sql: Sql,
  app: Pick<App, 'clock' | 'config'>,
  row: MessageRow,
): Promise<HouseEvent[]> {
  const target = await lockMessage(sql, row.instanceId, row.actionOf!)
  if (!target) return []
  const action = { type: row.type, ...row.content } as Action
  const at = app.clock.now()
  switch (action.type) {
    case 'reaction':
      await updateReactions(
        sql,
        target.id,
        withReaction(target.reactions, { sender: row.sender, emoji: action.emoji, at: row.timestamp.toISOString() }),
      )
      return []
    case 'read':
      if (target.status !== 'read') await updateStatus(sql, { id: target.id, status: 'read', error: null })
      return []
    case 'edit':
      await updateContent(sql, { id: target.id, content: action.content, editedAt: at })
      return [await updated(sql, app, storedMessage({ ...target, content: action.content, editedAt: at }))]
    case 'delete':
      await markDeleted(sql, target.id, at)
      return [await updated(sql, app, storedMessage({ ...target, deletedAt: at }))]
  }
}

/** The event that a message was edited or deleted. */
export const updated = (
  sql: Sql,
  app: Pick<App, 'clock' | 'config'>,
  message: StoredMessage,
): Promise<HouseEvent<'message.updated', StoredMessage>> =>
  record(sql, app.clock, {
    type: 'message.updated',
    tenantId: message.tenantId,
    instanceId: message.instanceId,
    about: message.id,
    data: messageUpdated(message, app.config.publicUrl),
    subject: message,
  })
