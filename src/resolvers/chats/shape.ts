import type { GroupRow, ShownChatRow } from '../../db/queries/chat-lists.ts'
import type { Participant as KeptParticipant } from '../../db/queries/chat-sync.ts'
import { chatIdOf } from '../../db/queries/chats.ts'
import type { ContactRow } from '../../db/queries/contacts.ts'
import { phoneOf } from './chat-id.ts'

export interface StoredChat {
  /** Our own id, never shown: the names of a chat may change. */
  key: string
  id: string
  instanceId: string
  name: string | null
  isGroup: boolean
  lid: string | null
  phoneNumber: string | null
  unreadCount: number
  archived: boolean
  pinnedAt: Date | null
  mutedUntil: Date | null
  lastMessageAt: Date | null
  createdAt: Date
}

export interface StoredGroup {
  /** Of its chat. */
  key: string
  id: string
  instanceId: string
  name: string
  description: string | null
  owner: string | null
  announce: boolean
  locked: boolean
  participantCount: number
  createdAt: Date | null
}

export interface ChatDetails extends StoredChat {
  group: StoredGroup | null
  participants: Participant[] | null
}

export interface Participant {
  id: string
  lid: string | null
  phoneNumber: string | null
  role: KeptParticipant['role']
}

export interface Contact {
  id: string
  name: string | null
  pushName: string | null
  verifiedName: string | null
  phoneNumber: string | null
  lid: string | null
}

export function storedChat(row: ShownChatRow): StoredChat {
  const { id: key, groupJid, phone, ...shown } = row
  return { ...shown, key, id: chatIdOf(row), isGroup: groupJid !== null, phoneNumber: phone && phoneOf(phone) }
}

export function storedGroup({ id: key, groupJid, subject, ...shown }: GroupRow): StoredGroup {
  return { ...shown, key, id: groupJid, name: subject }
}

export const participant = ({ phone, lid, role }: KeptParticipant): Participant => ({
  id: (phone ?? lid)!,
  lid,
  phoneNumber: phone && phoneOf(phone),
  role,
})

export const contact = ({ id: _, phone, lid, ...names }: ContactRow): Contact => ({
  ...names,
  id: (phone ?? lid)!,
  lid,
  phoneNumber: phone && phoneOf(phone),
})
