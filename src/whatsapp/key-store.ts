import type {
  AuthenticationCreds,
  SignalDataSet,
  SignalDataTypeMap,
  SignalKeyStoreWithTransaction,
} from '@whiskeysockets/baileys'
import { BoundedMap } from './bounded-map.ts'
import { type Batch, GroupCommit } from './group-commit.ts'
import { decodeRow, encodeCredentials, encodeRow, type RowType } from './row-codec.ts'
import { leaveScope } from './trust.ts'
import type { Vault } from './whatsapp.ts'

/** What a step of the ratchet writes; all of it becomes durable together or not at all. */
export interface Step {
  remember(row: { hash: Buffer; stanza: Record<string, string>; plain: Buffer; trace?: string | null }): void
  /** Forgets what this step wrote so far. */
  discard(): void
}

type Writes = Map<string, { type: RowType; id: string; row: Buffer }>

/** Marks a row that does not exist, so that its absence is known without asking again. */
const ABSENT: Buffer = Buffer.alloc(0)

const MEMORY = { maxEntries: 2000, maxBytes: 1024 * 1024, sizeOf: (row: Buffer) => row.length + 64 }

/**
 * The keys and credentials of one instance: the vault's rows with a bounded memory in front and a group commit
 * behind. The memory is right only because this process is the instance's single writer.
 *
 * The Signal repository works in steps, one at a time. Inside a step it sees its own writes; they enter the
 * memory when the step ends and the caller goes on when they are durable. So a ciphertext never leaves before
 * the ratchet that made it is kept. libsignal runs jobs of one address in the async context of whoever came
 * first, perhaps another instance's: the present step is therefore a field under the lock and no async local.
 */
export class KeyStore {
  readonly creds: AuthenticationCreds
  readonly #instanceId: string
  readonly #vault: Vault
  readonly #commits: GroupCommit
  readonly #onInbox: () => void
  readonly #epoch: () => number
  /** Encoded rows; decoding makes the copy that libsignal may change. */
  readonly #memory = new BoundedMap<Buffer>(MEMORY)
  /** Rows of batches that are not durable yet: never forgotten. */
  readonly #pending = new Map<string, Buffer>()
  #lock: Promise<unknown> = Promise.resolve()
  #step: Writes | null = null

  constructor(options: {
    instanceId: string
    vault: Vault
    creds: AuthenticationCreds
    /** Of the lease under which rows are written. */
    epoch: () => number
    lingerMs: number
    /** Nothing can be written any more; the memory may be ahead of the vault. */
    onFailure: (error: unknown) => void
    /** New rows of the inbox are durable. */
    onInbox: () => void
  }) {
    this.creds = options.creds
    this.#instanceId = options.instanceId
    this.#vault = options.vault
    this.#onInbox = options.onInbox
    this.#epoch = options.epoch
    this.#commits = new GroupCommit({
      commit: batch => this.#commit(batch),
      onFailure: options.onFailure,
      lingerMs: options.lingerMs,
    })
  }

  get failed(): boolean {
    return this.#commits.failed
  }

  /** Rows as the socket sees them: without the changes of a step under way. */
  readonly socketKeys: SignalKeyStoreWithTransaction = {
    get: (type, ids) => this.#get(type, ids),
    set: data => this.#set(data),
    isInTransaction: () => false,
    transaction: work => work(),
  }

  /** Rows as the Signal repository sees them, inside `step` only. */
  readonly stepKeys: SignalKeyStoreWithTransaction = {
    get: (type, ids) => this.#get(type, ids, this.#step),
    set: async data => {
      const step = this.#step
      if (!step) throw new Error('a Signal key was written outside a step')
      for (const [type, id, row] of rowsOf(data)) step.set(`${type}:${id}`, { type, id, row })
    },
    isInTransaction: () => true,
    transaction: work => work(),
  }

  /** Runs `work` alone; resolves when what it wrote is durable. A throw discards it. */
  async step<T>(work: (step: Step) => Promise<T>): Promise<T> {
    const { result, durable } = await this.#exclusive(async () => {
      this.#commits.throwIfFailed()
      const writes: Writes = new Map()
      const inbox: Parameters<Step['remember']>[0][] = []
      this.#step = writes
      try {
        const result = await work({ remember: row => inbox.push(row), discard: () => writes.clear() })
        if (writes.size === 0 && inbox.length === 0) return { result, durable: undefined }
        return { result, durable: this.#enqueue([...writes.values()], inbox) }
      } finally {
        this.#step = null
      }
    })
    await durable
    return result
  }

  /** Puts the credentials, as they are when the batch goes out, in line with the keys. */
  saveCredentials(): Promise<void> {
    return this.#commits.add(batch => {
      batch.credentials = true
    })
  }

  /** The plaintext of a ciphertext that was decrypted before, by its SHA-256. */
  async plainOf(hash: Buffer): Promise<Buffer | null> {
    await this.#commits.flush()
    const plain = await this.#read(() => this.#vault.inboxPlain(this.#instanceId, hash))
    return plain && Buffer.from(plain)
  }

  flush(): Promise<void> {
    return this.#commits.flush()
  }

  /** Nothing can be read or written any more, by whatever of an old socket is still at work. */
  kill(): void {
    this.#commits.kill(new Error('the session is over'))
  }

  async #get<T extends RowType>(type: T, ids: string[], step?: Writes | null) {
    this.#commits.throwIfFailed()
    const found: { [id: string]: SignalDataTypeMap[T] } = {}
    const take = (id: string, row: Buffer) => {
      if (row.length > 0) found[id] = decodeRow(type, row) as SignalDataTypeMap[T]
    }
    const missing: string[] = []
    for (const id of ids) {
      const key = `${type}:${id}`
      const row = step?.get(key)?.row ?? this.#pending.get(key) ?? this.#memory.get(key)
      if (row) take(id, row)
      else missing.push(id)
    }
    if (missing.length > 0) for (const [id, row] of await this.#load(type, missing)) take(id, row)
    return found
  }

  /**
   * Without its keys a message looks unreadable, and Baileys tells WhatsApp that it has been dealt with: it would not
   * come again. So the store fails first, and the socket with it.
   */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await leaveScope(read)
    } catch (error) {
      this.#commits.kill(error)
      throw error
    }
  }

  async #load(type: RowType, ids: string[]): Promise<[string, Buffer][]> {
    const rows = await this.#read(() => this.#vault.read(this.#instanceId, type, ids))
    return ids.map(id => {
      const key = `${type}:${id}`
      // Written while the vault was read: what was read is old.
      const newer = this.#pending.get(key) ?? this.#memory.get(key)
      if (newer) return [id, newer]
      const read = rows.get(id)
      const row = read ? Buffer.from(read) : ABSENT
      if (type !== 'pre-key') this.#memory.set(key, row)
      return [id, row]
    })
  }

  async #set(data: SignalDataSet): Promise<void> {
    const rows = rowsOf(data).map(([type, id, row]) => ({ type, id, row }))
    if (rows.length === 0) return
    // Baileys deletes sessions of its own accord; between the read and the write of a step that would be undone.
    const durable = await this.#exclusive(async () => ({ done: this.#enqueue(rows, []) }))
    await durable.done
  }

  #enqueue(rows: { type: RowType; id: string; row: Buffer }[], inbox: Batch['inbox']): Promise<void> {
    return this.#commits.add(batch => {
      for (const { type, id, row } of rows) {
        const key = `${type}:${id}`
        batch.keys.set(key, { type, id, value: row.length > 0 ? row : null })
        this.#pending.set(key, row)
        // One-time keys come by the hundred and are read once.
        if (type !== 'pre-key') this.#memory.set(key, row)
      }
      batch.inbox.push(...inbox)
    })
  }

  async #commit(batch: Batch): Promise<void> {
    const rows = {
      ...(batch.credentials ? { credentials: encodeCredentials(this.creds) } : {}),
      keys: [...batch.keys.values()],
      inbox: batch.inbox,
    }
    await leaveScope(() => this.#vault.commit(this.#instanceId, rows, this.#epoch()))
    for (const [key, { value }] of batch.keys) {
      const row = this.#pending.get(key)
      if (row === value || (value === null && row?.length === 0)) this.#pending.delete(key)
    }
    if (batch.inbox.length > 0) leaveScope(this.#onInbox)
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#lock.then(work)
    this.#lock = run.catch(() => {})
    return run
  }
}

function rowsOf(data: SignalDataSet): [RowType, string, Buffer][] {
  return Object.entries(data).flatMap(([type, rows]) =>
    Object.entries(rows ?? {}).map(([id, value]): [RowType, string, Buffer] => [
      type as RowType,
      id,
      value === null || value === undefined ? ABSENT : encodeRow(type as RowType, value),
    ]),
  )
}
