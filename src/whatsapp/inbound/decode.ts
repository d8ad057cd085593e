import { proto, unpadRandomMax16 } from '@whiskeysockets/baileys'
import { addressOf, isGroup, isPerson, plainJid, sameUser } from '../jid.ts'
import type { InboundContent, InboundMessage, InboxRow } from '../whatsapp.ts'

/** Who this account is, in both names. */
export interface Me {
  id: string | undefined
  lid: string | undefined
}

/** A row of the inbox as a message; null when it is none (keys, protocol notes, statuses). */
export function decode(row: InboxRow, me: Me): InboundMessage | null {
  const { id, t, notify, category } = row.stanza
  const from = plainJid(row.stanza.from)
  if (!id || !from || category === 'peer') return null
  if (!isPerson(from) && !isGroup(from)) return null
  const message = parse(row.plain)
  const content = message ? contentOf(message) : ({ type: 'unsupported', kind: 'unreadable' } as const)
  if (!content) return null
  return {
    inboxKey: row.inboxKey,
    whatsappId: id,
    ...partiesOf({ ...row.stanza, from }, me, message?.deviceSentMessage?.destinationJid ?? undefined),
    pushName: notify || null,
    timestamp: new Date(Number(t ?? 0) * 1000),
    content,
  }
}

function parse(plain: Uint8Array): proto.IMessage | null {
  try {
    return proto.Message.decode(unpadRandomMax16(plain))
  } catch {
    return null
  }
}

/** The aliases stand in attributes named after the role: the one that is not the form of the jid itself. */
function partiesOf(stanza: InboxRow['stanza'] & { from: string }, me: Me, destination: string | undefined) {
  const { from } = stanza
  if (isGroup(from)) {
    const participant = stanza.participant ?? from
    const sender = addressOf(participant, stanza.participant_lid ?? stanza.participant_pn)
    return { chat: addressOf(from), sender, fromMe: isMe(participant, me) }
  }
  const sender = addressOf(from, stanza.sender_lid ?? stanza.sender_pn)
  if (!isMe(from, me)) return { chat: sender, sender, fromMe: false }
  const to = stanza.recipient ?? destination ?? from
  const alias = stanza.recipient_lid ?? stanza.recipient_pn ?? stanza.peer_recipient_lid ?? stanza.peer_recipient_pn
  return { chat: isMe(to, me) ? sender : addressOf(to, alias), sender, fromMe: true }
}

const isMe = (jid: string, me: Me): boolean => sameUser(jid, me.id) || sameUser(jid, me.lid)

/** Envelopes around the message proper, each with the message in `message`. */
const WRAPPERS = [
  'deviceSentMessage',
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
] as const

/** Fields that go along with a message, or alone: never a message themselves. */
const NOT_CHAT = new Set([
  'senderKeyDistributionMessage',
  'messageContextInfo',
  'protocolMessage',
  'fastRatchetKeySenderKeyDistributionMessage',
])

export function contentOf(outer: proto.IMessage): InboundContent | null {
  const message = unwrap(outer)
  const text = message.conversation || message.extendedTextMessage?.text
  if (text) return { type: 'text', text }
  const kind = Object.entries(message).find(
    ([name, value]) => value != null && value !== '' && !NOT_CHAT.has(name),
  )?.[0]
  return kind ? { type: 'unsupported', kind } : null
}

function unwrap(message: proto.IMessage): proto.IMessage {
  let inner = message
  // Wrappers nest: a view-once message in a disappearing chat, sent from the phone, has three.
  for (let depth = 0; depth < 6; depth++) {
    const wrapper = WRAPPERS.find(name => inner[name]?.message)
    if (!wrapper) break
    inner = inner[wrapper]!.message!
  }
  return inner
}
