import type { App } from '../../context.ts'
import { markSeenUpTo } from '../../db/queries/chats.ts'
import { lockMessage, type MessageRow, updateFolded, updateStatus } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import { type HouseEvent, messageUpdated } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { withReaction } from './reactions.ts'
import type { StoredMessage } from './shape.ts'
import { storedMessage } from './stored.ts'
import { stepText } from './trail.ts'

/** What a row that is no message of its own does to its message, now that WhatsApp has it. */
export type Action =
  | { type: 'reaction'; emoji: string }
  | { type: 'edit'; content: Record<string, unknown> }
  | { type: 'delete' }
  | { type: 'read' }

export async function applyAction(
  sql: Sql,
  app: Pick<App, 'clock' | 'config' | 'node'>,
  row: MessageRow,
): Promise<HouseEvent[]> {
  const seen = { instanceId: row.instanceId, chat: row.chat, messageId: row.actionOf! }
  // The chat first: whoever marks all of it as seen locks it before its messages.
  if (row.type === 'read') await markSeenUpTo(sql, seen)
  const target = await lockMessage(sql, row.instanceId, row.actionOf!)
  // What WhatsApp refused nobody has: there is nothing to say of it.
  if (!target || target.status === 'failed') return []
  const action = { type: row.type, ...row.content } as Action
  const at = app.clock.now()
  switch (action.type) {
    case 'reaction': {
      const reaction = { sender: row.sender, emoji: action.emoji, at: row.timestamp.toISOString() }
      await updateFolded(sql, { ...target, reactions: withReaction(target.reactions, reaction) })
      return []
    }
    case 'read': {
      const { instanceId, id } = target
      const step = stepText({ kind: 'read', at, node: app.node.id })
      if (target.status !== 'read') await updateStatus(sql, { instanceId, id, status: 'read', error: null, step })
      return []
    }
    case 'edit':
      return [await fold(sql, app, { ...target, content: action.content, editedAt: at })]
    case 'delete':
      return [await fold(sql, app, { ...target, deletedAt: at })]
  }
}

/** Writes a locked message as it is now, and the event that it was edited or deleted. */
export async function fold(
  sql: Sql,
  app: Pick<App, 'clock' | 'config'>,
  row: MessageRow,
): Promise<HouseEvent<'message.updated', StoredMessage>> {
  await updateFolded(sql, row)
  const subject = storedMessage(row)
  return record(sql, app.clock, {
    type: 'message.updated',
    tenantId: row.tenantId,
    instanceId: row.instanceId,
    about: row.id,
    data: messageUpdated(subject, app.config.publicUrl),
    subject,
  })
}
