/**
 * The face of the room: one party, WhatsApp, over many sockets of Baileys in this process. It carries and
 * tells; it decides nothing about the product, knows no tenant and no chapter, and does not know whether the
 * server at the far end is the real one or the sandbox: that is an address and a root key.
 */

import type { Readable } from 'node:stream'

export type InstanceState =
  | 'disconnected'
  | 'connecting'
  | 'qr_required'
  | 'connected'
  | 'reconnecting'
  | 'logged_out'
  | 'error'

/** The name of the error with which the vault refuses what is written under an old epoch. */
export const LEASE_LOST = 'LeaseLost'

/** Where a session's server is. Null means WhatsApp's own. */
export interface Network {
  /** `ws://host:port/path` or `wss://…` */
  webSocketUrl: string | null
  /** `http://host:port`, no TLS: uploads and downloads go there. */
  mediaUrl: string | null
  /** The 32-byte public key from which the server's certificate chain starts. */
  rootKey: Uint8Array | null
}

export interface SessionOptions {
  network: Network
  /** False: after a drop the session ends `disconnected` instead of trying again. */
  autoReconnect: boolean
  /**
   * The lease under which the session runs. It goes with every write to the vault and with the news of its state; when
   * the vault answers `LeaseLost`, another session has taken over, and this one ends without a word.
   */
  epoch: number
}

/** What the party can do. Outcomes of the network are told by `News`, never thrown from here. */
export interface WhatsApp {
  /** Starts the session, or leaves it as it is when it runs. Tries again, with backoff, until `stop`. */
  start(instanceId: string, options: SessionOptions): void
  /** Changes `autoReconnect` of a running session. */
  configure(instanceId: string, options: { autoReconnect: boolean }): void
  /** Closes the socket and keeps the link. Resolves when no socket is left and `disconnected` was told. */
  stop(instanceId: string): Promise<void>
  /** Unlinks the device on WhatsApp's side when it can be reached (at most 5 s), closes, wipes what the vault has. Tells nothing. */
  unlink(instanceId: string): Promise<void>
  /** The 8-character code to type on the phone instead of scanning. Rejects with `PairingUnavailable` when no pairing is under way. */
  pairingCode(instanceId: string, phoneNumber: string): Promise<string>
  /** A fresh WhatsApp message id, chosen before the first try. */
  newMessageId(instanceId: string): string
  /** The bytes of a message, built once and sent again unchanged on each try. */
  compose(content: OutboundContent, extras?: MessageExtras): Uint8Array
  /** The same for media, which goes to WhatsApp's media host first: encrypted while it streams, bounded in time. */
  composeMedia(instanceId: string, media: OutboundMedia, extras?: MessageExtras): Promise<ComposeOutcome>
  /** Writes the message to the socket. The proof that WhatsApp has it is `onAck`. */
  send(instanceId: string, message: OutboundMessage): Promise<SendOutcome>
  /** Tells the sender that messages were read. Harmless when repeated. */
  markRead(instanceId: string, read: ReadMessages): Promise<SendOutcome>
  /** Typing, recording, or neither. Of the moment: nothing is kept. */
  presence(instanceId: string, presence: { chat: string; state: PresenceState }): Promise<SendOutcome>
  /** Which of these phone numbers (digits) are on WhatsApp; at most 100. */
  lookUp(instanceId: string, phones: string[]): Promise<LookUpOutcome>
  /** Opens media that WhatsApp has. Asks the phone for a new link when the old one is too old and a session is open. */
  fetchMedia(instanceId: string, media: RemoteMedia): Promise<FetchOutcome>
  /** Closes all sockets without unlinking; tells nothing. */
  close(): Promise<void>
}

/** Names one message, as WhatsApp does. */
export interface MessageKey {
  whatsappId: string
  /** The chat it is in. */
  chat: string
  fromMe: boolean
  /** Who wrote it; of use in groups. */
  sender: string
}

export type OutboundContent =
  | { type: 'text'; text: string }
  | { type: 'location'; latitude: number; longitude: number; name: string | null; address: string | null }
  /** `phone` is `+` and digits. */
  | { type: 'contacts'; contacts: { name: string; phone: string }[] }
  /** `emoji` empty: the reaction is taken back. */
  | { type: 'reaction'; target: MessageKey; emoji: string; at: Date }
  /** The new text of a text message, or the new caption of media of the given type. */
  | { type: 'edit'; target: MessageKey; text: string; at: Date; media?: 'image' | 'video' | 'document' | undefined }
  | { type: 'delete'; target: MessageKey }

export interface OutboundMedia {
  type: 'image' | 'video' | 'audio' | 'document'
  mimeType: string
  sizeBytes: number
  caption: string | null
  filename: string | null
  /** A voice note, of an audio. */
  ptt: boolean
  seconds: number | null
  /** JPEG, small. */
  thumbnail: Uint8Array | null
  /** Of the plain bytes; called once for each try. */
  open(): Promise<Readable>
}

export interface MessageExtras {
  /** The message that is answered. */
  quoted?: { key: MessageKey; content: InboundContent } | null
  /** Jids of people who are mentioned. */
  mentions?: string[]
}

export type ComposeOutcome =
  | { kind: 'composed'; payload: Uint8Array }
  | { kind: 'not_connected' }
  | { kind: 'rejected'; code: string; message: string }
  | { kind: 'failed'; message: string }

export interface OutboundMessage {
  whatsappId: string
  /** `…@s.whatsapp.net`, `…@lid` or `…@g.us` */
  chat: string
  /** From `compose`. */
  payload: Uint8Array
  /**
   * Goes out on this connection or not at all: on a later one, what was written before may be lost and must go first.
   * Left out: on whichever there is.
   */
  connection?: number
}

export type SendOutcome =
  | { kind: 'written' }
  | { kind: 'not_connected' }
  /** WhatsApp or the protocol refused for good: trying again would not help. */
  | { kind: 'rejected'; code: string; message: string }
  /** A passing failure: the same call may be made again, with the same id. */
  | { kind: 'failed'; message: string }

export type PresenceState = 'composing' | 'paused' | 'recording'

export interface ReadMessages {
  chat: string
  /** In a group: who wrote them. */
  sender: string
  whatsappIds: string[]
}

export type LookUpOutcome =
  | { kind: 'answered'; found: { phone: string; address: Address }[] }
  | { kind: 'not_connected' }
  | { kind: 'failed'; message: string }

export interface RemoteMedia {
  /** From `InboundMedia`. */
  reference: Uint8Array
  /** The message that brought it. */
  key: MessageKey
  network: Network
}

export type FetchOutcome =
  /** The plain bytes; ends with an error when they are not what the sender hashed. `reference` is new when the link is. */
  | { kind: 'open'; bytes: Readable; reference: Uint8Array | null }
  /** WhatsApp does not have it any more, and no phone could be asked for it again. */
  | { kind: 'gone'; message: string }
  | { kind: 'failed'; message: string }

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
  onAck(instanceId: string, news: AckNews): Promise<void>
  onReceipt(instanceId: string, news: ReceiptNews): Promise<void>
}

export interface ConnectionNews {
  state: InstanceState
  /** A sentence for people, or null. */
  lastError: string | null
  /** Whether credentials of a linked phone exist. */
  linked: boolean
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

/**
 * What a session needs kept: the party declares it, `db` keeps it (encrypted), `app.ts` joins the two.
 * All bytes are opaque to the keeper.
 */
export interface Vault {
  /** The credentials, or null when this instance was never linked. */
  credentials(instanceId: string): Promise<Uint8Array | null>
  read(instanceId: string, type: string, ids: string[]): Promise<Map<string, Uint8Array>>
  /** One transaction, durable when it resolves. A rejection means nothing of it was written; `LeaseLost` when the epoch is old. */
  commit(instanceId: string, batch: VaultBatch, epoch: number): Promise<void>
  /** Erases credentials, keys and inbox of the instance. `epoch` null: whoever holds the lease. */
  wipe(instanceId: string, epoch: number | null): Promise<void>
  /** Plaintext kept for a ciphertext that was decrypted before; `hash` is its SHA-256. */
  inboxPlain(instanceId: string, hash: Uint8Array): Promise<Uint8Array | null>
  /** Rows that no chapter has settled yet, oldest first. */
  unsettled(instanceId: string, limit: number): Promise<InboxRow[]>
  /** Settles rows that are no message at all (keys, protocol notes). */
  settle(instanceId: string, inboxKeys: string[]): Promise<void>
  /** The payload of a sent message, for a contact that asks for it again; null when it is not ours. */
  sentPayload(instanceId: string, whatsappId: string): Promise<Uint8Array | null>
}

export interface VaultBatch {
  credentials?: Uint8Array
  /** `value` null deletes. Types are Baileys' own (`session`, `pre-key`, …). */
  keys: { type: string; id: string; value: Uint8Array | null }[]
  inbox: { hash: Uint8Array; stanza: Record<string, string>; plain: Uint8Array }[]
}

export interface InboxRow {
  inboxKey: string
  stanza: Record<string, string>
  plain: Uint8Array
}
