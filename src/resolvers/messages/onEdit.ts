import type { App } from '../../context.ts'
import type { MessageRow } from '../../db/queries/messages.ts'
import type { Address, Inbound, InboundContent, InboundDelete, InboundEdit, Target } from '../../whatsapp/whatsapp.ts'
import { EDITABLE } from './allowed.ts'
import { fold } from './apply-action.ts'
import { inInbox } from './in-inbox.ts'
import { storeInbound } from './store-inbound.ts'
import { targetOf } from './target.ts'

/** Another text for a message. Only who wrote it may say it otherwise. */
export const onEdit = (app: App, instanceId: string, inbound: InboundEdit): Promise<void> =>
  change(app, { instanceId, inbound, isAllowed: isAuthor }, target => {
    const content = edited(target, inbound.content)
    return content && { content, editedAt: inbound.timestamp }
  })

/** Deleted for everyone: by who wrote it, or by an admin of the group, as WhatsApp sees to. The row stays, and says when. */
export const onDelete = (app: App, instanceId: string, inbound: InboundDelete): Promise<void> =>
  change(app, { instanceId, inbound, isAllowed: isAuthorOrNamed }, target =>
    target.deletedAt ? {} : { deletedAt: inbound.timestamp },
  )

type About = Inbound & { target: Target }

interface Changing {
  instanceId: string
  inbound: About
  isAllowed: (target: MessageRow, by: About) => boolean
}

type Change = Partial<Pick<MessageRow, 'content' | 'editedAt' | 'deletedAt'>>

/** What cannot be folded into a message is kept as one. */
function change(
  app: App,
  { instanceId, inbound, isAllowed }: Changing,
  of: (target: MessageRow) => Change | null,
): Promise<void> {
  return inInbox(app, { instanceId, inbound }, async (sql, place) => {
    const target = await targetOf(sql, { instanceId, chat: place.chat.id, ...inbound.target })
    const changed = target && isAllowed(target, inbound) ? of(target) : null
    const content = { type: 'unsupported', kind: 'protocolMessage' } as const
    if (!target || !changed) return storeInbound(sql, app, { inbound: { ...inbound, content }, place })
    if (Object.keys(changed).length === 0) return []
    return [await fold(sql, app, { ...target, ...changed })]
  })
}

/** In a direct chat the direction says it; in a group the names must be those of one person. */
function isAuthor(target: MessageRow, by: Inbound): boolean {
  if (by.fromMe) return target.direction === 'outbound'
  if (target.direction === 'outbound') return false
  if (!target.chatId.endsWith('@g.us')) return true
  return isOf(target, by.sender)
}

/**
 * In a group whoever deletes names whose message it is: themselves, or as an admin somebody else. What is another's
 * than they named stays.
 */
function isAuthorOrNamed(target: MessageRow, by: About): boolean {
  if (!target.chatId.endsWith('@g.us')) return isAuthor(target, by)
  const { sender } = by.target
  return target.direction === 'outbound' || sender === null || isOf(target, sender)
}

const isOf = (target: MessageRow, { jid, phone, lid }: Address): boolean => [jid, phone, lid].includes(target.sender)

/** The row's content with the new words; null when they are none of its kind. */
function edited(target: MessageRow, next: InboundContent): Record<string, unknown> | null {
  const field = EDITABLE[target.type]
  if (!field) return null
  const words = next.type === 'text' ? next.text : 'caption' in next ? next.caption : null
  return words === null ? null : { ...target.content, [field]: words }
}
