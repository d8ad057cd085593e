import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { extract, pack } from 'tar-stream'
import { z } from 'zod'
import { Trouble } from '../cli/trouble.ts'
import type { Secrets } from '../secrets.ts'

/**
 * The form of a backup: a gzipped tar with `manifest.json` first, then `rows/<table>/<n>` (JSON lines, each a row as text),
 * then `files/<key>`, then `end.json` with how many there were and a hash over all of it. What has no end is no backup.
 */

export const FORMAT = 1

export const Manifest = z.object({
  format: z.literal(FORMAT),
  wataki: z.string(),
  made_at: z.string(),
  migrations: z.array(z.string()).min(1),
  tables: z.record(z.string(), z.array(z.string()).min(1)),
  files: z.number().int(),
  media: z.enum(['in the file', 'in the bucket']),
  /** Says whether a SECRET_KEY is that of the backup, and nothing else of it. */
  key_check: z.string(),
})
export type Manifest = z.infer<typeof Manifest>

export const End = z.object({
  rows: z.record(z.string(), z.number().int()),
  files: z.number().int(),
  /** Keys of files that were deleted while the backup was made. */
  gone: z.array(z.string()),
  sha256: z.string(),
})
export type End = z.infer<typeof End>

/** Of the present key, and of the one before. */
export const keyChecks = (secrets: Secrets): string[] =>
  secrets.macs('backup key check').map(mac => mac.subarray(0, 16).toString('hex'))

export interface Writer {
  add(name: string, bytes: Buffer): Promise<void>
  addFile(name: string, sizeBytes: number, bytes: Readable): Promise<void>
  /** Of everything so far. */
  sha256(): string
}

/** The file is there whole, or not at all; for its user's eyes alone. */
export async function writeArchive(path: string, work: (writer: Writer) => Promise<void>): Promise<void> {
  const part = `${path}.part`
  const tar = pack()
  const hash = createHash('sha256')
  const written = pipeline(tar, createGzip({ level: 6 }), createWriteStream(part, { mode: 0o600, flush: true }))
  const writer: Writer = {
    async add(name, bytes) {
      hashed(hash, name, bytes.length).update(bytes)
      await new Promise<void>((resolve, reject) => {
        tar.entry({ name, mode: 0o600 }, bytes, error => (error ? reject(error) : resolve()))
      })
    },
    async addFile(name, size, bytes) {
      hashed(hash, name, size)
      const entry = tar.entry({ name, size, mode: 0o600 })
      await pipeline(bytes, source => hashing(hash, source), entry as unknown as NodeJS.WritableStream)
    },
    sha256: () => hash.copy().digest('hex'),
  }
  try {
    await Promise.race([
      work(writer).then(() => tar.finalize()),
      written.then(() => {
        throw new Error('the file was closed too early')
      }),
    ])
    await written
    await rename(part, path)
  } catch (error) {
    tar.destroy(error as Error)
    await written.catch(() => {})
    await rm(part, { force: true })
    throw error
  }
}

async function* hashing(hash: Hash, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  for await (const chunk of source) {
    hash.update(chunk)
    yield chunk
  }
}

const hashed = (hash: Hash, name: string, size: number): Hash => hash.update(`${name} ${size}\n`)

export interface Entry {
  name: string
  sizeBytes: number
  bytes: Readable
  /** Of all before this entry. */
  sha256Before: string
}

/** Each part in its order; it must be read to its end before the next. Rejects for what is no such file. */
export async function* readArchive(path: string): AsyncGenerator<Entry, void> {
  const file = await open(path).catch((error: Error) => {
    throw new Trouble(`${path} cannot be read (${error.message})`)
  })
  const untar = extract()
  const read = pipeline(
    createReadStream(path, { fd: file, autoClose: true }),
    createGunzip(),
    untar as unknown as NodeJS.WritableStream,
  )
  read.catch(() => {})
  const hash = createHash('sha256')
  const reasonOf = (error: unknown): unknown =>
    isOfTheFile(error)
      ? new Trouble(`${path} is damaged, or no backup of Wataki's (${(error as Error).message})`)
      : error
  async function* told(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
    try {
      yield* source
    } catch (error) {
      throw reasonOf(error)
    }
  }
  try {
    for await (const entry of untar) {
      const { name, size = 0 } = entry.header
      const sha256Before = hash.copy().digest('hex')
      hashed(hash, name, size)
      const bytes = Readable.from(told(hashing(hash, entry as AsyncIterable<Buffer>)), { objectMode: false })
      yield { name, sizeBytes: size, bytes, sha256Before }
    }
    await read
  } catch (error) {
    throw reasonOf(error)
  } finally {
    untar.destroy()
  }
}

const isOfTheFile = (error: unknown): boolean => {
  if (error instanceof Trouble) return false
  const { code = '', message } = error as NodeJS.ErrnoException
  return code.startsWith('Z_') || code === 'ERR_STREAM_PREMATURE_CLOSE' || /tar|header|unexpected end/i.test(message)
}

const JSON_MAX_BYTES = 64 * 1024 * 1024

export async function bytesOf({ name, sizeBytes, bytes }: Entry): Promise<Buffer> {
  if (sizeBytes > JSON_MAX_BYTES) throw new Trouble(`${name} is larger than any that is written`)
  const chunks: Buffer[] = []
  for await (const chunk of bytes) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
