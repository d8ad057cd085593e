import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { readBody } from './http-body.ts'
import { getMediaKeys } from './wa.ts'

export type MediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker'

export const MAX_UPLOAD_BYTES = 100 * 1024 * 1024
const MAX_KEPT_BYTES = 1024 * 1024 * 1024

/** Encrypted blobs as files, by a random name; and the HTTP of the media host. The oldest go when there is too much. */
export class MediaStore {
  readonly #directory: string
  readonly #baseUrl: () => string
  readonly #sizes = new Map<string, number>()
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
    for (const { name, stats } of files) this.#count(name, stats.size)
  }

  /** Only a `url` goes into the message: of a direct path Baileys would make `https://`. */
  async publish(prefix: string, bytes: Uint8Array): Promise<{ url: string }> {
    const name = `${prefix}-${randomBytes(16).toString('hex')}.enc`
    await writeFile(join(this.#directory, name), bytes)
    this.#count(name, bytes.length)
    await this.#bound()
    return { url: `${this.#baseUrl()}/v/${name}` }
  }

  async read(urlOrPath: string): Promise<Buffer | undefined> {
    const name = new URL(urlOrPath, 'http://media').pathname.replace('/v/', '')
    return this.#sizes.has(name) ? readFile(join(this.#directory, name)) : undefined
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'POST') return this.#upload(request, response)
    const blob = this.faults.download === null ? await this.read(request.url ?? '/') : undefined
    if (!blob) return void response.writeHead(this.faults.download ?? 404).end()
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

  #count(name: string, size: number): void {
    this.#sizes.set(name, size)
    this.#total += size
  }

  async #bound(): Promise<void> {
    while (this.#total > MAX_KEPT_BYTES && this.#sizes.size > 1) {
      const [name, size] = this.#sizes.entries().next().value!
      this.#sizes.delete(name)
      this.#total -= size
      await unlink(join(this.#directory, name)).catch(() => {})
    }
  }
}

const MAC_BYTES = 10
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

export async function encryptMedia(plain: Buffer, kind: MediaKind) {
  const mediaKey = randomBytes(32)
  const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, kind)
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  const mac = createHmac('sha256', macKey!).update(iv).update(body).digest().subarray(0, MAC_BYTES)
  const blob = Buffer.concat([body, mac])
  return { blob, mediaKey, fileSha256: sha256(plain), fileEncSha256: sha256(blob), fileLength: plain.length }
}

export async function decryptMedia(blob: Buffer, mediaKey: Buffer, kind: MediaKind): Promise<Buffer> {
  const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, kind)
  const body = blob.subarray(0, -MAC_BYTES)
  const mac = createHmac('sha256', macKey!).update(iv).update(body).digest().subarray(0, MAC_BYTES)
  if (!mac.equals(blob.subarray(-MAC_BYTES))) throw new Error('the MAC of the media is wrong')
  const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv)
  return Buffer.concat([decipher.update(body), decipher.final()])
}
