import { setTimeout as sleep } from 'node:timers/promises'
import type { History } from './history/history.ts'
import { completion } from './inbound/addresses.ts'
import { type Decoded, decode, type Told } from './inbound/decode.ts'
import type { KeyStore } from './key-store.ts'
import type { Log } from './log.ts'
import type { InboxRow, Vault } from './whatsapp.ts'

const PAGE = 50
const FIRST_RETRY_MS = 200
const MAX_RETRY_MS = 30_000
/** After so many refusals of one row the others go on without it; it is tried again later. */
const PATIENCE = 8
const PARKED_MS = 300_000
const MAX_PARKED = 200

/**
 * Tells what is in the write-ahead inbox, oldest first, one after another. A row stays until the house has stored
 * what it says and settled the row in the same transaction, so it is told again rather than lost. History goes its
 * own way: it may take long, and what is live does not wait for it.
 */
export class Inbox {
  readonly #instanceId: string
  readonly #vault: Vault
  readonly #log: Log
  readonly #onTold: (told: Told) => Promise<void>
  readonly #history: History
  readonly #stop = new AbortController()
  #keys: KeyStore | null = null
  #running: Promise<void> | null = null
  #again = false
  /** Rows that were told and yet come again: told once is enough. */
  #told = new Set<string>()
  readonly #parked = new Map<string, number>()

  constructor(options: {
    instanceId: string
    vault: Vault
    log: Log
    /** Resolves when the house has stored what it was told and settled its row. */
    onTold: (told: Told) => Promise<void>
    history: History
  }) {
    this.#instanceId = options.instanceId
    this.#vault = options.vault
    this.#log = options.log
    this.#onTold = options.onTold
    this.#history = options.history
  }

  /** `keys` are those of the present socket: they know who we are and which names belong together. */
  wake(keys: KeyStore): void {
    this.#keys = keys
    if (this.#stop.signal.aborted) return
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = this.#run().finally(() => {
      this.#running = null
      if (this.#again) this.wake(keys)
    })
  }

  /** Waits until nothing is left, at most `timeoutMs`. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#running)
      await Promise.race([this.#running, sleep(timeoutMs, undefined, { signal: this.#stop.signal }).catch(() => {})])
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.#again = false
    await this.#running
  }

  async #run(): Promise<void> {
    for (let failures = 0; !this.#stop.signal.aborted; ) {
      this.#again = false
      try {
        if (!(await this.#page()) && !this.#again) return
        failures = 0
      } catch (error) {
        failures++
        this.#log.error({ instanceId: this.#instanceId, err: error }, 'the inbox could not be read')
        await this.#pause(failures)
      }
    }
  }

  /** True when there may be more. */
  async #page(): Promise<boolean> {
    const keys = this.#keys
    if (!keys) return false
    for (const [key, until] of this.#parked) if (until <= performance.now()) this.#parked.delete(key)
    const limit = PAGE + this.#parked.size + this.#history.size
    const rows = await this.#vault.unsettled(this.#instanceId, limit)
    const open = rows.filter(({ inboxKey }) => !this.#parked.has(inboxKey) && !this.#history.has(inboxKey))
    const told = new Set<string>()
    const done: string[] = []
    for (const row of open) {
      if (this.#stop.signal.aborted) return false
      const decoded = this.#told.has(row.inboxKey) ? null : await this.#decoded(row, keys)
      if (!decoded) done.push(row.inboxKey)
      else if (decoded.kind === 'history') this.#history.take(decoded, keys)
      else if (await this.#tell(decoded)) told.add(row.inboxKey)
    }
    this.#told = told
    if (done.length > 0) await this.#vault.settle(this.#instanceId, done)
    return open.length > 0 && (rows.length === limit || told.size > 0)
  }

  async #decoded(row: InboxRow, keys: KeyStore): Promise<Decoded | null> {
    const { me } = keys.creds
    const decoded = decode(row, { id: me?.id, lid: me?.lid })
    if (!decoded || decoded.kind === 'history') return decoded
    const { news } = decoded
    const target = 'target' in news ? news.target : null
    const complete = await completion([news.chat, news.sender, ...(target?.sender ? [target.sender] : [])], keys)
    const named = { ...news, chat: complete(news.chat), sender: complete(news.sender) }
    const about = target ? { target: { ...target, sender: target.sender && complete(target.sender) } } : {}
    return { ...decoded, news: { ...named, ...about } } as Decoded
  }

  /** True when the house took it; false when it was left for later. */
  async #tell(told: Told): Promise<boolean> {
    const { inboxKey } = told.news
    for (let attempt = 1; !this.#stop.signal.aborted; attempt++) {
      try {
        await this.#onTold(told)
        return true
      } catch (error) {
        const fields = { instanceId: this.#instanceId, inboxKey, attempt, err: error }
        this.#log.warn(fields, 'an inbound message was not taken; it will be told again')
        if (attempt >= PATIENCE && this.#parked.size < MAX_PARKED) {
          this.#parked.set(inboxKey, performance.now() + PARKED_MS)
          return false
        }
        await this.#pause(attempt)
      }
    }
    return false
  }

  async #pause(failures: number): Promise<void> {
    const delayMs = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10))
    await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => {})
  }
}
