/**
 * The face of the room: a WhatsApp network in the box. A server that speaks WhatsApp's own protocol, with
 * virtual phones and contacts on it. It knows nothing of tenants, instances or the database: an `account` is
 * any string that names one virtual phone (the house uses the instance's id).
 */

export interface SandboxNetwork {
  /** `ws://127.0.0.1:port/ws/chat` */
  webSocketUrl: string
  /** `http://127.0.0.1:port` */
  mediaUrl: string
  /** base64 of the root public key */
  rootKey: string
}

/** Since the network was started. */
export interface NetworkCounters {
  /** Of linked devices. */
  logins: number
  /** Logins of a device whose former connection was still open: that one got 440. */
  replaced: number
  /** Stanzas on such a connection afterwards. */
  late: number
  /** Messages of devices that a contact could not open. */
  undecryptable: number
  /** Messages of contacts that a device asked for again. */
  resent: number
  /** How long linked devices were away before their logins, the last 2,000. */
  awayMs: number[]
}

/** The same calls in process and over the control URL of a sandbox that runs alone. */
export interface SandboxControl {
  network(): Promise<SandboxNetwork>
  counters(): Promise<NetworkCounters>
  /** The account's phone (made on first use, with a number of its own) scans the code. Resolves once the device is linked. */
  scan(account: string, request: { qr: string }): Promise<{ phoneNumber: string }>
  /** The account's phone types the pairing code; `phoneNumber` (digits) is the phone's own, and makes the phone when new. */
  enterCode(account: string, request: { code: string; phoneNumber: string }): Promise<{ phoneNumber: string }>
  /** A contact sends a message; resolves when the sandbox has stored it. `chatId` of a group sends there. */
  sendMessage(account: string, request: ContactMessage): Promise<{ whatsappId: string }>
  /** What the contact's phone shows of its traffic with this account, oldest first; a repeated id is shown once. */
  messages(account: string, request: { contact: string }): Promise<ShownMessage[]>
  /** The account's own phone sends; `to` is digits of a contact or the `…@g.us` of a group. */
  sendFromPhone(account: string, request: { to: string; content: ContactContent }): Promise<{ whatsappId: string }>
  /** The account has seen messages of the contact (all, when none is named) on its own phone. */
  readOnPhone(account: string, request: { contact: string; whatsappIds?: string[] }): Promise<void>
  /**
   * What the account's phone has in its chat list and address book; makes the phone when new. Before a device is linked
   * it is part of its first sync, later the devices are told of the change.
   */
  phoneChats(account: string, request: { chats: PhoneChat[] }): Promise<void>
  /** The contact reacts to a message that its phone shows; `emoji` empty takes the reaction back. */
  reaction(account: string, request: { contact: string; whatsappId: string; emoji: string }): Promise<void>
  /** The contact edits a text of its own, or deletes one for everyone. */
  editMessage(account: string, request: { contact: string; whatsappId: string; text: string }): Promise<void>
  deleteMessage(account: string, request: { contact: string; whatsappId: string }): Promise<void>
  /** A group that the account's phone makes and is in; participants are digits. */
  group(account: string, request: { subject: string; participants: string[] }): Promise<SandboxGroup>
  /** The account's phone adds, removes or renames. */
  changeGroup(account: string, request: GroupChange): Promise<SandboxGroup>
  receipt(
    account: string,
    request: { contact: string; whatsappId: string; status: 'delivered' | 'read' },
  ): Promise<void>
  fault(account: string, fault: Fault): Promise<void>
  /** Removes the account's phone; its linked devices are logged out. */
  forget(account: string): Promise<void>
}

export interface ContactMessage {
  /** Digits of any phone number. */
  from: string
  content: ContactContent
  /**
   * The chat as the contact sees it: `…@g.us` of a group that both are in, or the account's own jid, by phone or LID: then
   * the contact's own name goes on the wire in the same form. Absent: the direct chat.
   */
  chatId?: string
  /** In a direct chat: names itself by its LID, and nowhere tells the phone number that belongs to it. */
  hideNumber?: boolean
  /** Of a message in the chat that this one answers. */
  quotedWhatsappId?: string
}

/** What a contact can say. */
export type ContactContent =
  | { type: 'text'; text: string }
  | {
      type: 'image' | 'video' | 'audio' | 'document' | 'sticker'
      /** base64 */
      bytes: string
      mimeType: string
      caption?: string | null
      filename?: string | null
      ptt?: boolean
      seconds?: number | null
    }
  | { type: 'location'; latitude: number; longitude: number; name?: string | null; address?: string | null }
  | { type: 'contacts'; contacts: { name: string; phone: string }[] }

/** What a phone shows. Of media it has downloaded and decrypted the bytes: size and hash are of these. */
export type ShownContent =
  | { type: 'text'; text: string }
  | {
      type: 'image' | 'video' | 'audio' | 'document' | 'sticker'
      media: { mimeType: string; sizeBytes: number /** hex */; sha256: string }
      caption: string | null
      filename: string | null
      ptt: boolean
    }
  | { type: 'location'; latitude: number; longitude: number; name: string | null; address: string | null }
  | { type: 'contacts'; contacts: { name: string; phone: string | null }[] }
  | { type: 'unsupported'; kind: string }

export interface SandboxGroup {
  /** `…@g.us` */
  id: string
  subject: string
  /** The account's phone counted. */
  participantCount: number
}

export interface GroupChange {
  /** `…@g.us` */
  id: string
  /** Digits. */
  add?: string[]
  remove?: string[]
  subject?: string
}

/** What is left out is not set, and stays as it is. */
export interface PhoneChat {
  /** Digits of a contact, or `…@g.us` of a group that the phone is in. */
  with: string
  /** In the address book of the phone. */
  name?: string
  /** How they call themselves. */
  pushName?: string
  archived?: boolean
  pinned?: boolean
  /** ISO 8601; null: not muted. */
  mutedUntil?: string | null
  /** Read by the history at the first login only. */
  unreadCount?: number
  /** Oldest first; read by the history at the first login only. */
  messages?: { whatsappId?: string; fromMe: boolean; text: string /** ISO 8601 */; at: string }[]
}

export interface ShownMessage {
  whatsappId: string
  /** The chat as the contact sees it: the account's jid, or the group's. */
  chatId: string
  fromMe: boolean
  /** Digits of who wrote it. */
  from: string
  content: ShownContent
  quotedWhatsappId: string | null
  /** By the digits of who reacted. */
  reactions: { from: string; emoji: string }[]
  edited: boolean
  /** Deleted for everyone: the phone shows that there was something. */
  deleted: boolean
  /** ISO 8601 */
  at: string
}

export type Fault =
  /** Cuts the TCP connection. */
  | { kind: 'drop' }
  /** `<stream:error code>`: 515, 503, 440, 401, 500 … */
  | { kind: 'stream_error'; code: number }
  /** Messages of the account are stored, their acks kept back until `release_acks`. */
  | { kind: 'hold_acks' }
  | { kind: 'release_acks' }
  /** The next message to the account is sent twice. */
  | { kind: 'duplicate_next' }
  /** The phone removes the linked device. */
  | { kind: 'logout' }
  /** WhatsApp refuses the account's next message with this code: 463, 479, 429 … */
  | { kind: 'refuse_next'; code: number }
  /** The next message of the account cannot be read by the phone that gets it, which asks for it again. */
  | { kind: 'unreadable_next' }
  /** The media host forgets what was sent to the account so far: 410, until the phone is asked to upload it again. */
  | { kind: 'expire_media' }

/** Thrown by `scan`, `receipt` and the like, and carried over the control URL by its `code`. */
export class SandboxError extends Error {
  readonly code: 'no_qr' | 'not_linked' | 'unknown_message' | 'invalid'
  /** Of the request: which field is wrong, when it is one. */
  readonly field: string | null
  constructor(code: SandboxError['code'], message: string, field: string | null = null) {
    super(message)
    this.name = 'SandboxError'
    this.code = code
    this.field = field
  }
}
