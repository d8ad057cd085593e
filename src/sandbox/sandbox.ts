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

/** The same calls in process and over the control URL of a sandbox that runs alone. */
export interface SandboxControl {
  network(): Promise<SandboxNetwork>
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
  /** The contact reacts to a message that its phone shows; `emoji` empty takes the reaction back. */
  reaction(account: string, request: { contact: string; whatsappId: string; emoji: string }): Promise<void>
  /** The contact edits a text of its own, or deletes one for everyone. */
  editMessage(account: string, request: { contact: string; whatsappId: string; text: string }): Promise<void>
  deleteMessage(account: string, request: { contact: string; whatsappId: string }): Promise<void>
  /** A group that the account's phone makes and is in; participants are digits. */
  group(account: string, request: { subject: string; participants: string[] }): Promise<SandboxGroup>
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
  /** `…@g.us` of a group that both are in; absent for a direct chat. */
  chatId?: string
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

export interface ShownMessage {
  whatsappId: string
  /** The chat as the contact sees it: the account's jid, or the group's. */
  chatId: string
  fromMe: boolean
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

/** Thrown by `scan`, `receipt` and the like, and carried over the control URL by its `code`. */
export class SandboxError extends Error {
  readonly code: 'no_qr' | 'not_linked' | 'unknown_message' | 'invalid'
  constructor(code: SandboxError['code'], message: string) {
    super(message)
    this.name = 'SandboxError'
    this.code = code
  }
}
