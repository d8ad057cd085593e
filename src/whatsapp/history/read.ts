import { proto } from '@whiskeysockets/baileys'
import { addressOf, isGroup, isLid, isPerson, plainJid } from '../jid.ts'
import { nameOf } from '../text.ts'
import { dateOfEither, dateOfSeconds } from '../time.ts'
import type { SyncedChat, SyncedContact } from '../whatsapp.ts'
import { fieldsOf } from './fields.ts'

export type SyncRow = { chat: SyncedChat } | { contact: SyncedContact }

/** Of `HistorySync`. */
const CONVERSATION = 2
const PUSH_NAME = 7
const PAIR = 15
/** Of `Conversation`: most of the bytes, and not wanted. */
const MESSAGES = 2

/** Chats and names of a piece of history, one after another; its messages are not even decoded. */
export function* readHistory(bytes: Buffer): Generator<SyncRow> {
  for (const { number, content } of fieldsOf(bytes)) {
    if (number === CONVERSATION) yield* ofConversation(proto.Conversation.decode(withoutMessages(content)))
    else if (number === PUSH_NAME) {
      const { id, pushname } = proto.Pushname.decode(content)
      const [jid, pushName] = [plainJid(id ?? undefined), nameOf(pushname)]
      if (jid && isPerson(jid) && pushName) yield { contact: { contact: addressOf(jid), pushName } }
    } else if (number === PAIR) {
      const { pnJid, lidJid } = proto.PhoneNumberToLIDMapping.decode(content)
      const [phone, lid] = [plainJid(pnJid ?? undefined), plainJid(lidJid ?? undefined)]
      if (phone && lid && isPerson(phone) && isLid(lid)) yield { contact: { contact: addressOf(phone, lid) } }
    }
  }
}

const withoutMessages = (conversation: Buffer): Buffer =>
  Buffer.concat([...fieldsOf(conversation)].filter(({ number }) => number !== MESSAGES).map(({ whole }) => whole))

function* ofConversation(conversation: proto.IConversation): Generator<SyncRow> {
  const jid = plainJid(conversation.id ?? undefined)
  if (!jid || (!isPerson(jid) && !isGroup(jid))) return
  const alias = isLid(jid) ? conversation.pnJid : (conversation.lidJid ?? conversation.accountLid)
  const chat = addressOf(jid, isPerson(jid) ? (alias ?? undefined) : undefined)
  const name = nameOf(conversation.displayName) ?? nameOf(conversation.name) ?? undefined
  const lastAt = Number(conversation.conversationTimestamp ?? conversation.lastMsgTimestamp ?? 0)
  const { unreadCount, archived, pinned, muteEndTime } = conversation
  yield {
    chat: {
      chat,
      name,
      unreadCount: unreadCount == null ? undefined : Math.min(unreadCount, 1_000_000),
      archived: archived ?? undefined,
      pinnedAt: pinned == null ? undefined : dateOfEither(pinned),
      mutedUntil: muteEndTime == null ? undefined : dateOfEither(muteEndTime),
      lastMessageAt: lastAt > 0 ? dateOfSeconds(lastAt) : undefined,
    },
  }
  if (isPerson(jid) && (name || (chat.lid && chat.phone))) yield { contact: { contact: chat, name } }
}
