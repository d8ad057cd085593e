import type { Chat, Contact, GroupMetadata } from '@whiskeysockets/baileys'
import { addressOf, isGroup, isLid, isPerson, plainJid } from '../jid.ts'
import { nameOf, storable } from '../text.ts'
import { dateOfEither, dateOfSeconds } from '../time.ts'
import type { Address, SyncedChat, SyncedContact, SyncedGroup } from '../whatsapp.ts'

/** Baileys' events in the words of the face: pure, and null where an event says nothing that is wanted. */

/** A message counts up the unread of its chat in Baileys' eyes; that is the house's own business. */
export function chatOf(update: Partial<Chat>): SyncedChat | null {
  const jid = plainJid(update.id ?? undefined)
  if (!jid || (!isPerson(jid) && !isGroup(jid))) return null
  const { archived, pinned, muteEndTime } = update
  const chat: SyncedChat = {
    chat: addressOf(jid),
    ...(isGroup(jid) && update.name ? { name: nameOf(update.name) ?? undefined } : {}),
    ...(archived == null ? {} : { archived }),
    ...(pinned === undefined ? {} : { pinnedAt: dateOfEither(pinned) }),
    ...(muteEndTime === undefined ? {} : { mutedUntil: dateOfEither(muteEndTime) }),
  }
  return Object.keys(chat).length > 1 ? chat : null
}

/** All of a chat was marked as read on the phone. */
export function seenChatOf({ id, unreadCount }: Partial<Chat>): Address | null {
  const jid = plainJid(id ?? undefined)
  return unreadCount === 0 && jid && (isPerson(jid) || isGroup(jid)) ? addressOf(jid) : null
}

export function contactOf({
  id,
  lid,
  phoneNumber,
  name,
  notify,
  verifiedName,
}: Partial<Contact>): SyncedContact | null {
  const jid = plainJid(id)
  if (!jid || !isPerson(jid)) return null
  const contact: SyncedContact = {
    contact: addressOf(jid, isLid(jid) ? phoneNumber : lid),
    ...named('name', name),
    ...named('pushName', notify),
    ...named('verifiedName', verifiedName),
  }
  const saysMore = Object.keys(contact).length > 1 || (contact.contact.lid && contact.contact.phone)
  return saysMore ? contact : null
}

function named<K extends string>(key: K, text: string | undefined): { [key in K]?: string } {
  const name = nameOf(text)
  return name ? ({ [key]: name } as { [key in K]?: string }) : {}
}

const MAX_DESCRIPTION = 4096

export function groupOf(group: GroupMetadata): SyncedGroup {
  return {
    jid: group.id,
    subject: nameOf(group.subject) ?? '',
    description: group.desc ? storable(group.desc.slice(0, MAX_DESCRIPTION)) : null,
    owner: group.owner ? addressOf(group.owner, group.ownerPn) : null,
    announce: group.announce === true,
    locked: group.restrict === true,
    participants: group.participants.map(({ id, phoneNumber, lid, admin }) => ({
      address: addressOf(id, phoneNumber ?? lid),
      role: admin ?? 'member',
    })),
    createdAt: group.creation ? dateOfSeconds(group.creation) : null,
    joined: true,
  }
}
