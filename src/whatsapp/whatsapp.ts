/**
 * The face of the room: one party, WhatsApp, over many sockets of Baileys in this process. It carries and
 * tells; it decides nothing about the product, knows no tenant and no chapter, and does not know whether the
 * server at the far end is the real one or the sandbox: that is an address and a root key.
 */

export type InstanceState =
  | 'disconnected'
  | 'connecting'
  | 'qr_required'
  | 'connected'
  | 'reconnecting'
  | 'logged_out'
  | 'error'

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
  compose(content: OutboundContent): Uint8Array
  /** Writes the message to the socket. The proof that WhatsApp has it is `onAck`. */
  send(instanceId: string, message: OutboundMessage): Promise<SendOutcome>
  /** Closes all sockets without unlinking; tells nothing. */
  close(): Promise<void>
}

export type OutboundContent = { type: 'text'; text: string }

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

/**
 * What the party has to say. Each promise is awaited before the news counts as handled; a rejection means it
 * will be told again (messages) or is logged (the rest). News of one instance come one after another.
 */
export interface News {
  onConnection(instanceId: string, news: ConnectionNews): Promise<void>
  onQr(instanceId: string, news: QrNews): Promise<void>
  onMessage(instanceId: string, message: InboundMessage): Promise<void>
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
}

export interface QrNews {
  qr: string
  /** When WhatsApp takes this code back. */
  expiresAt: Date
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

export interface InboundMessage {
  /** Identifies the row of the write-ahead inbox; `settle` it in the transaction that stores the message. */
  inboxKey: string
  whatsappId: string
  chat: Address
  sender: Address
  /** Sent from the account's own phone or another of its devices. */
  fromMe: boolean
  pushName: string | null
  timestamp: Date
  content: InboundContent
}

export type InboundContent =
  | { type: 'text'; text: string }
  /** A kind that this version does not read; `kind` is the protocol's own name for it. */
  | { type: 'unsupported'; kind: string }

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
  /** One transaction, durable when it resolves. A rejection means nothing of it was written. */
  commit(instanceId: string, batch: VaultBatch): Promise<void>
  /** Erases credentials, keys and inbox of the instance. */
  wipe(instanceId: string): Promise<void>
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
