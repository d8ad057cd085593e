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
  inbox: { hash: Uint8Array; stanza: Record<string, string>; plain: Uint8Array; trace?: string | null }[]
}

export interface InboxRow {
  inboxKey: string
  stanza: Record<string, string>
  plain: Uint8Array
  received?: Received | undefined
}

/** When the socket got it, and in which process; `trace` is a `traceparent`. */
export interface Received {
  at: Date
  node: string | null
  trace: string | null
}
