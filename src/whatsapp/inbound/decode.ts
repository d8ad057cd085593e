import { proto, unpadRandomMax16 } from '@whiskeysockets/baileys'
import { isGroup, isPerson, plainJid } from '../jid.ts'
import { idOf, nameOf } from '../text.ts'
import { dateOfSeconds } from '../time.ts'
import type {
  Inbound,
  InboundContent,
  InboundDelete,
  InboundEdit,
  InboundMessage,
  InboundReaction,
  InboxRow,
} from '../whatsapp.ts'
import { contentOf, contextOf, unwrap } from './content.ts'
import { deletedTarget, isMe, type Me, ownTarget, type Parties, partiesOf, targetOf } from './parties.ts'
import { rawOf } from './raw.ts'

/** News that the house folds in, one row at a time. */
export type Told =
  | { kind: 'message'; news: InboundMessage }
  | { kind: 'reaction'; news: InboundReaction }
  | { kind: 'edit'; news: InboundEdit }
  | { kind: 'delete'; news: InboundDelete }

/** The phone hands over chats and names. */
export interface HistoryNote {
  kind: 'history'
  inboxKey: string
  notification: proto.Message.IHistorySyncNotification
}

/** What a row of the inbox says. */
export type Decoded = Told | HistoryNote

const { MESSAGE_EDIT, REVOKE, HISTORY_SYNC_NOTIFICATION, PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE } =
  proto.Message.ProtocolMessage.Type

/** Null when a row says nothing to tell (keys, protocol notes, statuses). */
export function decode(row: InboxRow, me: Me): Decoded | null {
  const from = plainJid(row.stanza.from)
  if (!row.stanza.id || !from || (!isPerson(from) && !isGroup(from))) return null
  const message = parse(row.plain)
  if (row.stanza.category === 'peer') return isMe(from, me) && message ? fromPhone(row, message, me) : null
  try {
    return told(row, message, me)
  } catch {
    // One that throws would stand in the way of all that come after it.
    return told(row, null, me)
  }
}

function parse(plain: Uint8Array): proto.IMessage | null {
  try {
    const { buffer, byteOffset, length } = unpadRandomMax16(plain)
    // Of a Buffer the decoder reads text as Node does, which leaves no half characters.
    return proto.Message.decode(Buffer.from(buffer, byteOffset, length))
  } catch {
    return null
  }
}

/** What the phone tells its own devices only. */
function fromPhone(row: InboxRow, message: proto.IMessage, me: Me): Decoded | null {
  const note = unwrap(message).protocolMessage
  if (note?.type === HISTORY_SYNC_NOTIFICATION && note.historySyncNotification)
    return { kind: 'history', inboxKey: row.inboxKey, notification: note.historySyncNotification }
  if (note?.type !== PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE) return null
  const [result] = note.peerDataOperationRequestResponseMessage?.peerDataOperationResult ?? []
  const bytes = result?.placeholderMessageResendResponse?.webMessageInfoBytes
  return bytes ? resent(row, bytes, me) : null
}

/** A message that came without its content, from the phone: it had been asked for it. */
function resent({ inboxKey, received }: InboxRow, bytes: Uint8Array, me: Me): Decoded | null {
  let info: proto.IWebMessageInfo
  try {
    info = proto.WebMessageInfo.decode(Buffer.from(bytes))
  } catch {
    return null
  }
  const { key, message, messageTimestamp, pushName } = info
  const chat = plainJid(key?.remoteJid ?? undefined)
  if (!key?.id || !chat || !message || (!isPerson(chat) && !isGroup(chat))) return null
  const author = key.fromMe ? me.id : (key.participant ?? info.participant)
  const stanza: InboxRow['stanza'] = { from: chat, id: key.id, t: String(messageTimestamp ?? 0) }
  if (isGroup(chat)) stanza.participant = author ?? chat
  else if (key.fromMe && me.id) Object.assign(stanza, { from: me.id, recipient: chat })
  if (pushName) stanza.notify = pushName
  return told({ inboxKey, received, stanza, plain: bytes }, message, me)
}

function told(row: InboxRow, message: proto.IMessage | null, me: Me): Decoded | null {
  const { id = '', t, notify, edit, from = '' } = row.stanza
  const destination = message?.deviceSentMessage?.destinationJid ?? undefined
  const parties = partiesOf({ ...row.stanza, from: plainJid(from) ?? from }, me, destination)
  const inbound = {
    inboxKey: row.inboxKey,
    received: row.received,
    whatsappId: idOf(id) ?? `unnamed ${row.inboxKey}`,
    ...parties,
    pushName: nameOf(notify),
    timestamp: dateOfSeconds(t),
    raw: message ? rawOf(message) : {},
  }
  if (!message) return shown(inbound, { content: { type: 'unsupported', kind: 'unreadable' } })
  const about = aboutAnother(message, { inbound, parties, me, edit })
  if (about !== undefined) return about
  const content = contentOf(message)
  return content && shown(inbound, { content, ...contextOf(message) })
}

const shown = (
  inbound: Inbound,
  rest: { content: InboundContent; quotedWhatsappId?: string | null; mentions?: string[] },
): Decoded => ({ kind: 'message', news: { ...inbound, quotedWhatsappId: null, mentions: [], ...rest } })

/** What a message says about another one; undefined when it says nothing of the kind. */
function aboutAnother(
  outer: proto.IMessage,
  { inbound, parties, me, edit }: { inbound: Inbound; parties: Parties; me: Me; edit: string | undefined },
): Decoded | null | undefined {
  const { reactionMessage, protocolMessage } = unwrap(outer)
  if (reactionMessage) {
    const target = reactionMessage.key ? targetOf(reactionMessage.key, parties, me) : null
    const emoji = nameOf(reactionMessage.text, 32) ?? ''
    return target && { kind: 'reaction', news: { ...inbound, target, emoji } }
  }
  const key = protocolMessage?.key
  if (key && protocolMessage.type === REVOKE) {
    const target = deletedTarget(key, { parties, me, edit })
    return target && { kind: 'delete', news: { ...inbound, target } }
  }
  if (key && protocolMessage.type === MESSAGE_EDIT && protocolMessage.editedMessage) {
    const target = ownTarget(key, parties)
    const content = contentOf(protocolMessage.editedMessage)
    return target && content && { kind: 'edit', news: { ...inbound, target, content } }
  }
  return undefined
}
