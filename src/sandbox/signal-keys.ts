import { LRUCache } from 'lru-cache'
import { typed } from './curve.ts'
import { hasOpenSession, pruneSession, type SessionRecord } from './session-record.ts'
import type { Store } from './store.ts'
import type { SignalDataTypeMap, SignalKeyStoreWithTransaction } from './wa.ts'

const MAX_SESSIONS_IN_MEMORY = 10_000

/**
 * The Signal rows of all simulated phones, by owner: memory for the sessions in use, the store for the rest.
 * Serialized sessions are never changed in place (libsignal makes new ones), so they are shared and encoded late.
 */
export class SignalKeys {
  readonly #store: Store
  readonly #sessions = new LRUCache<string, SessionRecord>({ max: MAX_SESSIONS_IN_MEMORY })

  /** Asked for with every message of a client that has had no answer yet. */
  readonly #identities = new LRUCache<string, Buffer>({ max: MAX_SESSIONS_IN_MEMORY })

  constructor(store: Store) {
    this.#store = store
  }

  /** An open session with a device that has this identity; a device number may have had another owner. */
  hasSession(owner: string, address: string, identity: Uint8Array): boolean {
    const record = this.session(owner, address)
    return record !== undefined && hasOpenSession(record, typed(identity))
  }

  session(owner: string, address: string): SessionRecord | undefined {
    return this.#read('session', `${owner}|${address}`) as SessionRecord | undefined
  }

  writeSession(owner: string, address: string, record: SessionRecord): void {
    this.#writeSession(`${owner}|${address}`, record)
  }

  forgetPeer(owner: string, user: string): void {
    for (const [key] of this.#store.scan('session', `${owner}|${user}.`)) this.#writeSession(key, null)
    this.#deleteIdentities(`${owner}|${user}.`)
  }

  forget(owner: string): void {
    for (const [key] of this.#store.scan('session', `${owner}|`)) this.#sessions.delete(key)
    for (const space of ['session', 'senderKey', 'preKey'] as const) this.#store.deletePrefix(space, `${owner}|`)
    this.#deleteIdentities(`${owner}|`)
  }

  #deleteIdentities(prefix: string): void {
    for (const [key] of this.#store.scan('identity', prefix)) {
      this.#identities.delete(key)
      this.#store.delete('identity', key)
    }
  }

  /**
   * What the Signal repository of one phone reads and writes. No transactions: all calls here are synchronous, and
   * libsignal takes the operations on one address in turn.
   */
  of(owner: string): SignalKeyStoreWithTransaction {
    return {
      get: async (type, ids) => {
        const out: Record<string, unknown> = {}
        for (const id of ids) {
          const value = this.#read(type, `${owner}|${id}`)
          if (value !== undefined) out[id] = value
        }
        return out as { [id: string]: SignalDataTypeMap[typeof type] }
      },
      set: async data => {
        for (const [type, rows] of Object.entries(data)) {
          for (const [id, value] of Object.entries(rows)) {
            this.#write(type as keyof SignalDataTypeMap, `${owner}|${id}`, value)
          }
        }
      },
      isInTransaction: () => false,
      transaction: work => work(),
    }
  }

  #read(type: keyof SignalDataTypeMap, key: string): unknown {
    if (type === 'session') {
      const known = this.#sessions.get(key)
      if (known) return known
      const text = this.#store.getText('session', key)
      if (text === undefined) return undefined
      const record: SessionRecord = JSON.parse(text)
      this.#sessions.set(key, record)
      return record
    }
    if (type === 'pre-key') {
      const pair = this.#store.get('preKey', key)
      if (pair === undefined) return undefined
      const bytes = Buffer.from(pair as Uint8Array)
      return { public: bytes.subarray(0, 32), private: bytes.subarray(32) }
    }
    const space = spaceOf(type)
    const known = space === 'identity' ? this.#identities.get(key) : undefined
    if (known) return known
    const value = this.#store.get(space, key)
    if (value === undefined) return undefined
    const bytes = Buffer.from(value as Uint8Array)
    if (space === 'identity') this.#identities.set(key, bytes)
    return bytes
  }

  #write(type: keyof SignalDataTypeMap, key: string, value: unknown): void {
    const space = spaceOf(type)
    if (space === 'identity') this.#identities.delete(key)
    if (space === 'session') this.#writeSession(key, value as SessionRecord | null)
    else if (value === null || value === undefined) this.#store.delete(space, key)
    else if (space !== 'preKey') this.#store.put(space, key, value as Uint8Array)
    else {
      const pair = value as { public: Uint8Array; private: Uint8Array }
      this.#store.put(space, key, Buffer.concat([pair.public, pair.private]))
    }
  }

  #writeSession(key: string, record: SessionRecord | null): void {
    if (!record) {
      this.#sessions.delete(key)
      this.#store.delete('session', key)
      return
    }
    pruneSession(record)
    this.#sessions.set(key, record)
    this.#store.put('session', key, () => JSON.stringify(record))
  }
}

function spaceOf(type: keyof SignalDataTypeMap): 'session' | 'preKey' | 'identity' | 'senderKey' {
  if (type === 'session') return 'session'
  if (type === 'pre-key') return 'preKey'
  if (type === 'identity-key') return 'identity'
  if (type === 'sender-key') return 'senderKey'
  throw new Error(`a simulated phone keeps no ${type}`)
}
