import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { LRUCache } from 'lru-cache'
import { type Digest, mediaIn } from './content.ts'
import { readBody } from './http-body.ts'
import { decryptMedia, digestOf } from './media-keys.ts'
import type { proto } from './wa.ts'

export const MAX_UPLOAD_BYTES = 100 * 1024 * 1024
const MAX_KEPT_BYTES = 1024 * 1024 * 1024
const MAX_KEPT_FILES = 50_000
/** Of a file that the host gives nobody any more; a phone still has it. */
const EXPIRED = '.gone'
const GONE = 410

interface Kept {
  size: number
  expired: boolean
}

/** Encrypted blobs as files, by a random name; and the HTTP of the media host. The oldest go when there is too much. */
export class MediaStore {
  readonly #directory: string
  readonly #baseUrl: () => string
  readonly #kept = new Map<string, Kept>()
  /** A message to a group is looked at by each of its phones. */
  readonly #digests = new LRUCache<string, Promise<Digest>>({ max: 200 })
  #total = 0
  /** Answered instead of an upload or a download. */
  readonly faults: { upload: number | null; download: number | null } = { upload: null, download: null }

  constructor(directory: string, baseUrl: () => string) {
    this.#directory = directory
    this.#baseUrl = baseUrl
  }

  async open(): Promise<void> {
    await mkdir(this.#directory, { recursive: true })
    const files = await Promise.all(
      (await readdir(this.#directory)).map(async name => ({ name, stats: await stat(join(this.#directory, name)) })),
    )
    files.sort((a, b) => a.stats.mtimeMs - b.stats.mtimeMs)
    for (const { name, stats } of files) {
      const expired = name.endsWith(EXPIRED)
      this.#count(expired ? name.slice(0, -EXPIRED.length) : name, { size: stats.size, expired })
    }
  }

  /** Only a `url` goes into the message: of a direct path Baileys would make `https://`. `owner`: see `expire`. */
  async publish(owner: string, bytes: Uint8Array): Promise<{ url: string }> {
    const name = `${owner}-${randomBytes(16).toString('hex')}.enc`
    await writeFile(join(this.#directory, name), bytes)
    this.#count(name, { size: bytes.length, expired: false })
    await this.#bound()
    return { url: `${this.#baseUrl()}/v/${name}` }
  }

  /** As a phone has it: what has expired on the host too. */
  async read(urlOrPath: string): Promise<Buffer | undefined> {
    const name = nameIn(urlOrPath)
    const kept = this.#kept.get(name)
    return kept && readFile(this.#pathOf(name, kept)).catch(() => undefined)
  }

  /** From now on the host answers 410 for all that was published under this owner. */
  async expire(owner: string): Promise<void> {
    for (const [name, kept] of this.#kept) {
      if (kept.expired || !name.startsWith(`${owner}-`)) continue
      await rename(this.#pathOf(name, kept), this.#pathOf(name, { ...kept, expired: true }))
      kept.expired = true
    }
  }

  /** The plain bytes of the media in a message. */
  async download(message: proto.IMessage): Promise<Buffer> {
    const found = mediaIn(message)
    if (!found) throw new Error('no media in this message')
    const { media, kind } = found
    const blob = await this.read(media.directPath || media.url || '')
    if (!blob) throw new Error('no such media on the sandbox')
    return decryptMedia(blob, media, kind)
  }

  /** What the media in a message turns out to be, once downloaded and opened. */
  look(message: proto.IMessage): Promise<Digest> {
    const { kind, media = {} } = mediaIn(message) ?? {}
    const { url, directPath, mediaKey, fileSha256, fileEncSha256 } = media
    const claims = [mediaKey, fileSha256, fileEncSha256].map(bytes => Buffer.from(bytes ?? []).toString('base64'))
    const key = [nameIn(directPath || url || ''), kind, ...claims].join('|')
    const known = this.#digests.get(key)
    if (known) return known
    const looking = this.download(message).then(digestOf)
    this.#digests.set(key, looking)
    looking.catch(() => this.#digests.delete(key))
    return looking
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'POST') return this.#upload(request, response)
    const expired = this.#kept.get(nameIn(request.url ?? '/'))?.expired === true
    const refused = this.faults.download ?? (expired ? GONE : null)
    const blob = refused === null ? await this.read(request.url ?? '/') : undefined
    if (!blob) return void response.writeHead(refused ?? 404).end()
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    const part = range ? blob.subarray(Number(range[1]), range[2] ? Number(range[2]) + 1 : undefined) : blob
    const headers = { 'content-type': 'application/octet-stream', 'content-length': part.length }
    response.writeHead(range ? 206 : 200, headers).end(part)
  }

  async #upload(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const json = (status: number, body: unknown) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const bytes = await readBody(request, MAX_UPLOAD_BYTES)
    if (!bytes) return json(413, { error: { code: 413 } })
    if (this.faults.upload !== null) return json(this.faults.upload, { error: { code: this.faults.upload } })
    json(200, { ...(await this.publish('up', bytes)), handle: 'sandbox' })
  }

  #count(name: string, kept: Kept): void {
    this.#kept.set(name, kept)
    this.#total += kept.size
  }

  #pathOf(name: string, { expired }: Kept): string {
    return join(this.#directory, expired ? `${name}${EXPIRED}` : name)
  }

  async #bound(): Promise<void> {
    while ((this.#total > MAX_KEPT_BYTES || this.#kept.size > MAX_KEPT_FILES) && this.#kept.size > 1) {
      const [name, kept] = this.#kept.entries().next().value!
      this.#kept.delete(name)
      this.#total -= kept.size
      await unlink(this.#pathOf(name, kept)).catch(() => {})
    }
  }
}

/** Of `https://host/v/name?query`, or of the path alone. */
export const nameIn = (urlOrPath: string): string => new URL(urlOrPath, 'http://media').pathname.replace('/v/', '')
