import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { inflate } from 'node:zlib'
import type { Gate } from '../gate.ts'
import type { HistoryNote } from '../inbound/decode.ts'
import type { KeyStore } from '../key-store.ts'
import type { Log } from '../log.ts'
import { type DownloadLimits, download } from '../media/download.ts'
import type { Network, SyncNews, Vault } from '../whatsapp.ts'
import { type PieceTeller, tellInPieces } from './pieces.ts'
import { readHistory } from './read.ts'

const MAX_PACKED_BYTES = 32 * 1024 * 1024
/** Of one piece of history, in memory while it is read. */
const MAX_BYTES = 96 * 1024 * 1024
const ATTEMPTS = 7
const FIRST_PAUSE_MS = 1000
const MAX_DONE = 200

/** Will not be otherwise the next time. */
class Hopeless extends Error {}

/**
 * Chats and names that the phone hands over, worked through beside the inbox, one after another: a download may be
 * slow or fail. The row of the inbox stays until the last of it is told, so a crash begins it anew.
 */
export class History {
  readonly #parts: HistoryParts
  readonly #stop = new AbortController()
  /** By inbox key. */
  readonly #jobs = new Map<string, { note: HistoryNote; keys: KeyStore }>()
  /** Rows may still be on a page that was read before they were settled. */
  readonly #done = new Set<string>()
  #working: Promise<void> | null = null

  constructor(parts: HistoryParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#jobs.size + this.#done.size
  }

  has(inboxKey: string): boolean {
    return this.#jobs.has(inboxKey) || this.#done.has(inboxKey)
  }

  take(note: HistoryNote, keys: KeyStore): void {
    if (this.#stop.signal.aborted || this.has(note.inboxKey)) return
    this.#jobs.set(note.inboxKey, { note, keys })
    this.#working ??= this.#work().finally(() => {
      this.#working = null
    })
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#working
  }

  async #work(): Promise<void> {
    for (let job = this.#next(); job; job = this.#next()) {
      await this.#one(job.note, job.keys)
      const { inboxKey } = job.note
      this.#jobs.delete(inboxKey)
      this.#done.add(inboxKey)
      for (const oldest of this.#done) if (this.#done.size > MAX_DONE) this.#done.delete(oldest)
    }
  }

  #next() {
    return this.#stop.signal.aborted ? undefined : this.#jobs.values().next().value
  }

  /** What fails to the last is left in the inbox for the next session. */
  async #one(note: HistoryNote, keys: KeyStore): Promise<void> {
    const { instanceId, log, vault } = this.#parts
    const { signal } = this.#stop
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        return await this.#tell(note, keys)
      } catch (error) {
        if (signal.aborted) return
        log.warn({ instanceId, attempt, err: error }, 'a piece of history could not be taken in')
        if (error instanceof Hopeless) return await vault.settle(instanceId, [note.inboxKey]).catch(() => {})
        if (attempt >= ATTEMPTS) return
        await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1), undefined, { signal }).catch(() => {})
      }
    }
  }

  async #tell({ inboxKey, notification }: HistoryNote, keys: KeyStore): Promise<void> {
    const { instanceId, gate, vault, tell } = this.#parts
    // It is a heavy load: few at a time in the whole process.
    const leave = await gate.enter(this.#stop.signal)
    try {
      const rows = sound(readHistory(await this.#unpacked(notification)))
      const parts: PieceTeller = { keys, tell, signal: this.#stop.signal }
      if (!(await tellInPieces(rows, inboxKey, parts))) await vault.settle(instanceId, [inboxKey])
    } finally {
      leave()
    }
  }

  async #unpacked(notification: HistoryNote['notification']): Promise<Buffer> {
    const inline = notification.initialHistBootstrapInlinePayload
    const packed = inline?.length ? inline : await this.#downloaded(notification)
    try {
      return await promisify(inflate)(packed, { maxOutputLength: MAX_BYTES })
    } catch (error) {
      throw new Hopeless(String(error))
    }
  }

  async #downloaded(notification: HistoryNote['notification']): Promise<Buffer> {
    const { directPath = null, mediaKey, fileSha256, fileLength } = notification
    const sizeBytes = Number(fileLength ?? 0)
    if (sizeBytes > MAX_PACKED_BYTES) throw new Hopeless(`${sizeBytes} bytes are too many`)
    const reference = {
      kind: 'history' as const,
      directPath,
      url: null,
      mediaKey: mediaKey ?? Buffer.alloc(0),
      sha256: fileSha256?.length === 32 ? fileSha256 : null,
      sizeBytes,
    }
    const { network, limits } = this.#parts
    const result = await download(reference, { ownHost: network.mediaUrl, limits })
    if (result.kind === 'failed') throw new Error(result.message)
    if (result.kind !== 'open') throw new Hopeless(result.message)
    return Buffer.concat(await result.bytes.toArray({ signal: this.#stop.signal }))
  }
}

/** What cannot be read is read no better the next time. */
function* sound<T>(rows: Iterable<T>): Generator<T> {
  try {
    yield* rows
  } catch (error) {
    throw new Hopeless(String(error))
  }
}

export interface HistoryParts {
  instanceId: string
  network: Network
  vault: Vault
  log: Log
  gate: Gate
  tell: (news: SyncNews) => Promise<void>
  limits?: DownloadLimits | undefined
}
