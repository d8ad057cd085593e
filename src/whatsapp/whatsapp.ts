/**
 * The face of the room: one party, WhatsApp, over many sockets of Baileys in this process. It carries and
 * tells; it decides nothing about the product, knows no tenant and no chapter, and does not know whether the
 * server at the far end is the real one or the sandbox: that is an address and a root key.
 */

import type { Readable } from 'node:stream'
import type { Address, InboundContent } from './news.ts'

export type * from './news.ts'
export type * from './vault.ts'

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
/** The name of the error with which it says that what it keeps does not open: the key is another one. */
export const UNOPENED = 'Unopened'

/** Where a session's server is. Null means WhatsApp's own. */
export interface Network {
  /** `ws://host:port/path` or `wss://…` */
  webSocketUrl: string | null
  /** `http://host:port`, no TLS: uploads and downloads go there. */
  mediaUrl: string | null
  /** The 32-byte public key from which the server's certificate chain starts. */
  rootKey: Uint8Array | null
  /** Of each code. Null or left out: as WhatsApp has it. */
  qrLifeMs?: number | null
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
  /** Writes the message to the socket. The proof that WhatsApp has it is an ack (`onAnswers`). */
  send(instanceId: string, message: OutboundMessage): Promise<SendOutcome>
  /** Tells the sender that messages were read. Harmless when repeated. */
  markRead(instanceId: string, read: ReadMessages): Promise<SendOutcome>
  /** Typing, recording, or neither. Of the moment: nothing is kept. */
  presence(instanceId: string, presence: { chat: string; state: PresenceState }): Promise<SendOutcome>
  /** Which of these phone numbers (digits) are on WhatsApp; at most 100. */
  lookUp(instanceId: string, phones: string[]): Promise<LookUpOutcome>
  /** Opens media that WhatsApp has. Asks the phone for a new link when the old one is too old and a session is open. */
  fetchMedia(instanceId: string, media: RemoteMedia): Promise<FetchOutcome>
  /** Asks the account's phone to upload media once more; null also when no session is open here. */
  askPhone(instanceId: string, media: Pick<RemoteMedia, 'reference' | 'key'>): Promise<PhoneAnswer>
  /** The sessions that run here. `silentMs`: since when the open socket has heard nothing; null: none is open. */
  running(): { instanceId: string; linked: boolean; silentMs: number | null }[]
  /** Closes the socket and keeps the link, for another process to go on with it. Tells nothing. */
  release(instanceId: string): Promise<void>
  /** Cuts all sockets at once and tells nothing: this process may not speak for any instance any more. */
  abandon(): void
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
  /** Left out: by the session here. */
  askPhone?: () => Promise<PhoneAnswer>
}

/** Where the phone has put the media now, or that it has them not. Null: there is nobody to ask, or no answer. */
export type PhoneAnswer = { directPath: string } | 'has_not' | null

/** What is there is whole, and not what its sender announced. */
export interface BrokenMedia {
  name: 'BrokenMedia'
}

export type FetchOutcome =
  /** The plain bytes; ends with `BrokenMedia` when they are not what the sender hashed. `reference` is new when the link is. */
  | { kind: 'open'; bytes: Readable; reference: Uint8Array | null }
  /** WhatsApp does not have it any more, and no phone could be asked for it again. */
  | { kind: 'gone'; message: string }
  | { kind: 'failed'; message: string }
