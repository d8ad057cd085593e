import type { proto } from '@whiskeysockets/baileys'
import { addressOf, isGroup, plainJid, sameUser } from '../jid.ts'
import { idOf } from '../text.ts'
import type { Address, InboxRow, Target } from '../whatsapp.ts'

/** Who this account is, in both names. */
export interface Me {
  id: string | undefined
  lid: string | undefined
}

export interface Parties {
  chat: Address
  sender: Address
  fromMe: boolean
}

export const isMe = (jid: string | null | undefined, me: Me): boolean => sameUser(jid, me.id) || sameUser(jid, me.lid)

/** The aliases stand in attributes named after the role: the one that is not the form of the jid itself. */
export function partiesOf(
  stanza: InboxRow['stanza'] & { from: string },
  me: Me,
  destination: string | undefined,
): Parties {
  const { from } = stanza
  if (isGroup(from)) {
    const participant = plainJid(stanza.participant) ?? from
    const sender = addressOf(participant, stanza.participant_lid ?? stanza.participant_pn)
    return { chat: addressOf(from), sender, fromMe: isMe(participant, me) }
  }
  const sender = addressOf(from, stanza.sender_lid ?? stanza.sender_pn)
  if (!isMe(from, me)) return { chat: sender, sender, fromMe: false }
  const to = stanza.recipient ?? destination ?? from
  const alias = stanza.recipient_lid ?? stanza.recipient_pn ?? stanza.peer_recipient_lid ?? stanza.peer_recipient_pn
  return { chat: isMe(to, me) ? sender : addressOf(to, alias), sender, fromMe: true }
}

/** A message that a reaction names: the key is written as its writer sees things. */
export function targetOf(key: proto.IMessageKey, parties: Parties, me: Me): Target | null {
  const whatsappId = idOf(key.id)
  if (!whatsappId) return null
  if (key.fromMe) return { whatsappId, fromMe: parties.fromMe, sender: parties.sender }
  const author = plainJid(key.participant ?? undefined)
  if (author && isGroup(parties.chat.jid)) {
    const sender = sameUser(author, parties.sender.lid) || sameUser(author, parties.sender.phone)
    return { whatsappId, fromMe: isMe(author, me), sender: sender ? parties.sender : addressOf(author) }
  }
  if (isGroup(parties.chat.jid)) return { whatsappId, fromMe: false, sender: null }
  // Between two, what is not the writer's is the other's.
  return parties.fromMe
    ? { whatsappId, fromMe: false, sender: parties.chat }
    : { whatsappId, fromMe: true, sender: me.id ? addressOf(me.id, me.lid) : null }
}

/** Whatever the key says, only one's own message can be edited. */
export function ownTarget(key: proto.IMessageKey, { fromMe, sender }: Parties): Target | null {
  const whatsappId = idOf(key.id)
  return whatsappId === null ? null : { whatsappId, fromMe, sender }
}

const BY_ADMIN = '8'

/** Deleted is one's own message, or as an admin of the group another's: then the server says so on the stanza. */
export function deletedTarget(
  key: proto.IMessageKey,
  { parties, me, edit }: { parties: Parties; me: Me; edit: string | undefined },
): Target | null {
  const byAdmin = edit === BY_ADMIN && isGroup(parties.chat.jid) && !key.fromMe
  return byAdmin ? targetOf(key, parties, me) : ownTarget(key, parties)
}
