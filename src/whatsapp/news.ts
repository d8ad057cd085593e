import type { InstanceState, Received } from './whatsapp.ts'

/**
 * What the party has to say. Each promise is awaited before the news counts as handled; a rejection means it
 * will be told again (messages) or is logged (the rest). News of one instance come one after another.
 */
export interface News {
  onConnection(instanceId: string, news: ConnectionNews): Promise<void>
  onQr(instanceId: string, news: QrNews): Promise<void>
  onMessage(instanceId: string, message: InboundMessage): Promise<void>
  /** From the write-ahead inbox like messages: settle `inboxKey` in the transaction that folds it in. */
  onReaction(instanceId: string, reaction: InboundReaction): Promise<void>
  onEdit(instanceId: string, edit: InboundEdit): Promise<void>
  onDelete(instanceId: string, deletion: InboundDelete): Promise<void>
  /** Chats, contacts, groups and names, in pieces of at most 500 rows. With `inboxKey`, settle it with the last piece. */
  onSync(instanceId: string, sync: SyncNews): Promise<void>
  /** The account has seen messages on its own phone. */
  onSeen(instanceId: string, seen: SeenNews): Promise<void>
  /** To what was sent, in the order in which they came; those that came while the last ones were told come together. */
  onAnswers(instanceId: string, answers: AnswerNews[]): Promise<void>
}

export interface ConnectionNews {
  state: InstanceState
  /** A sentence for people, or null. */
  lastError: string | null
  /** Whether credentials of a linked phone exist. Null: they cannot be read, and what was known holds. */
  linked: boolean | null
  /** Digits with a leading `+`, once linked. */
  phoneNumber: string | null
  /** `…@lid` of the linked account, once known. */
  lid: string | null
  /** With `connected`, which connection that is, counted in this process; null otherwise. */
  connection: number | null
  epoch: number
}

export interface QrNews {
  qr: string
  /** When WhatsApp takes this code back. */
  expiresAt: Date
  epoch: number
}

/** Both names of one party to a chat: whichever is known. A group has only `jid`. */
export interface Address {
  /** As it stood in the stanza, without a device number. */
  jid: string
  /** `…@lid` */
  lid: string | null
  /** `…@s.whatsapp.net` */
  phone: string | null
}

/** What all that comes from the inbox has in common. */
export interface Inbound {
  /** Identifies the row of the write-ahead inbox; `settle` it in the transaction that stores what it says. */
  inboxKey: string
  /** Left out: not known. */
  received?: Received | undefined
  whatsappId: string
  chat: Address
  sender: Address
  /** Sent from the account's own phone or another of its devices. */
  fromMe: boolean
  pushName: string | null
  timestamp: Date
  /** WhatsApp's own form of the message as JSON: bytes in base64, numbers of 64 bits as strings. */
  raw: Record<string, unknown>
}

export interface InboundMessage extends Inbound {
  content: InboundContent
  /** WhatsApp's id of the message that this one answers. */
  quotedWhatsappId: string | null
  /** Jids. */
  mentions: string[]
}

/** The message that a reaction, an edit or a deletion is about. `sender` null: as the stanza does not say. */
export interface Target {
  whatsappId: string
  fromMe: boolean
  sender: Address | null
}

export interface InboundReaction extends Inbound {
  target: Target
  /** Empty: taken back. */
  emoji: string
}

export interface InboundEdit extends Inbound {
  target: Target
  content: InboundContent
}

/** For everyone; in a group an admin may delete messages of others. */
export interface InboundDelete extends Inbound {
  target: Target
}

export type InboundContent =
  | { type: 'text'; text: string }
  | { type: 'image' | 'video'; media: InboundMedia; caption: string | null }
  | { type: 'audio'; media: InboundMedia; ptt: boolean }
  | { type: 'document'; media: InboundMedia; caption: string | null }
  | { type: 'sticker'; media: InboundMedia }
  | { type: 'location'; latitude: number; longitude: number; name: string | null; address: string | null }
  | { type: 'contacts'; contacts: { name: string; phone: string | null }[] }
  /** A kind that this version does not read; `kind` is the protocol's own name for it. */
  | { type: 'unsupported'; kind: string }

/** As the sender describes it: nothing of it is proven before the bytes are here. */
export interface InboundMedia {
  mimeType: string
  sizeBytes: number
  sha256: Uint8Array | null
  filename: string | null
  seconds: number | null
  /** JPEG, at most 64 KiB. */
  thumbnail: Uint8Array | null
  /** Where WhatsApp has the bytes and how they open: opaque, secret, for `fetchMedia`. */
  reference: Uint8Array
}

export interface SyncNews {
  inboxKey: string | null
  chats: SyncedChat[]
  contacts: SyncedContact[]
  groups: SyncedGroup[]
}

/** What is undefined is not told, and stays as it is. */
export interface SyncedChat {
  chat: Address
  name?: string | undefined
  unreadCount?: number | undefined
  archived?: boolean | undefined
  pinnedAt?: Date | null | undefined
  mutedUntil?: Date | null | undefined
  lastMessageAt?: Date | undefined
}

export interface SyncedContact {
  contact: Address
  /** As the owner's address book has it. */
  name?: string | undefined
  /** As they call themselves. */
  pushName?: string | undefined
  verifiedName?: string | undefined
}

/** A whole group as it is now. */
export interface SyncedGroup {
  jid: string
  subject: string
  description: string | null
  owner: Address | null
  /** Only admins may write. */
  announce: boolean
  /** Only admins may change the group. */
  locked: boolean
  participants: { address: Address; role: 'member' | 'admin' | 'superadmin' }[]
  createdAt: Date | null
  /** False: this account is not in it any more. */
  joined: boolean
}

export interface SeenNews {
  chat: Address
  /** Empty: all of the chat. */
  whatsappIds: string[]
}

export type AnswerNews = ({ kind: 'ack' } & AckNews) | ({ kind: 'receipt' } & ReceiptNews)

export interface AckNews {
  whatsappId: string
  /** Null: WhatsApp has the message. Otherwise WhatsApp's error code, e.g. `463`. */
  errorCode: string | null
}

export interface ReceiptNews {
  whatsappIds: string[]
  chat: Address
  /** Who received or read; in a group the participant. */
  reader: Address
  status: 'delivered' | 'read'
  timestamp: Date
}
