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
  content: ShownContent
  /** `…@g.us` of a group that both are in; absent for a direct chat. */
  chatId?: string
}

export type ShownContent = { type: 'text'; text: string } | { type: 'unsupported'; kind: string }

export interface ShownMessage {
  whatsappId: string
  /** The chat as the contact sees it: the account's jid, or the group's. */
  chatId: string
  fromMe: boolean
  content: ShownContent
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
