import type { VaultBatch } from './whatsapp.ts'

export interface Batch {
  /** By `type:id`, so that a row written twice goes out once. */
  keys: Map<string, VaultBatch['keys'][number]>
  inbox: VaultBatch['inbox']
  credentials: boolean
}

interface OpenBatch extends Batch {
  done: Promise<void>
  resolve(): void
  reject(error: unknown): void
}

/**
 * One commit in flight at a time; what is added meanwhile goes out together. The linger before a flush is
 * what merges the two encryptions of one message (contact, own phone) into one transaction. After a failure
 * memory is ahead of the disk, so nothing is ever tried again: the queue is dead and says so once.
 */
export class GroupCommit {
  readonly #commit: (batch: Batch) => Promise<void>
  readonly #onFailure: (error: unknown) => void
  readonly #lingerMs: number
  #open: OpenBatch | null = null
  #flying: Promise<void> | null = null
  #timer: NodeJS.Timeout | null = null
  #failure: { error: unknown } | null = null

  constructor(options: {
    commit: (batch: Batch) => Promise<void>
    /** Called before any waiting caller learns of the failure, so that the socket can be shut first. */
    onFailure: (error: unknown) => void
    lingerMs: number
  }) {
    this.#commit = options.commit
    this.#onFailure = options.onFailure
    this.#lingerMs = options.lingerMs
  }

  get failed(): boolean {
    return this.#failure !== null
  }

  throwIfFailed(): void {
    if (this.#failure) throw new Error('the key store has failed', { cause: this.#failure.error })
  }

  /** `put` runs at once; the promise resolves when the batch it went into is durable. */
  add(put: (batch: Batch) => void): Promise<void> {
    this.throwIfFailed()
    this.#open ??= newBatch()
    const batch = this.#open
    put(batch)
    this.#schedule()
    return batch.done
  }

  /** Resolves when all that was added before is durable; rejects when it never will be. */
  async flush(): Promise<void> {
    this.throwIfFailed()
    await (this.#open?.done ?? this.#flying)
    this.throwIfFailed()
  }

  /** Nothing is written any more, and whoever waits is told so. */
  kill(error: unknown): void {
    if (this.#failure) return
    this.#failure = { error }
    if (this.#timer) clearTimeout(this.#timer)
    this.#onFailure(error)
    this.#open?.reject(error)
    this.#open = null
  }

  #schedule(): void {
    if (this.#timer || this.#flying) return
    this.#timer = setTimeout(() => {
      this.#timer = null
      this.#flying = this.#fly().finally(() => {
        this.#flying = null
        if (this.#open) this.#schedule()
      })
    }, this.#lingerMs)
  }

  async #fly(): Promise<void> {
    const batch = this.#open
    if (!batch) return
    this.#open = null
    try {
      await this.#commit(batch)
      batch.resolve()
    } catch (error) {
      this.kill(error)
      batch.reject(error)
    }
  }
}

function newBatch(): OpenBatch {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  promise.catch(() => {}) // a batch may have nobody who waits, such as one of credentials only
  return { keys: new Map(), inbox: [], credentials: false, done: promise, resolve, reject }
}
