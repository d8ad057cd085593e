import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { join } from 'node:path'
import { crc32, deflateSync } from 'node:zlib'
import type { Json } from './app.ts'

/** Files, and bodies of `multipart/form-data` as clients send them, honest or not. */

export interface Part {
  name: string
  /** Left out: a part of text. */
  filename?: string
  type?: string
  bytes: Buffer | string
}

export const BOUNDARY = '----wataki-test-7f3a'

/** As it goes over the wire; names are written as they are. */
export function multipart(parts: Part[]): Buffer {
  const written = parts.flatMap(part => [Buffer.from(headOf(part)), Buffer.from(part.bytes), Buffer.from('\r\n')])
  return Buffer.concat([...written, Buffer.from(`--${BOUNDARY}--\r\n`)])
}

export function headOf({ name, filename, type }: Omit<Part, 'bytes'>): string {
  const named = filename === undefined ? '' : `; filename="${filename}"`
  const typed = type === undefined ? '' : `Content-Type: ${type}\r\n`
  return `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${named}\r\n${typed}\r\n`
}

export const MULTIPART = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }

export interface Got {
  status: number
  headers: Record<string, string | string[] | undefined>
  bytes: Buffer
  body: Json
}

/** Over a connection of its own; `write` sends the body, and may leave it unfinished. */
export async function exchange(
  url: string,
  options: { method?: string; headers?: Record<string, string>; write?: (call: ClientRequest) => unknown },
): Promise<Got> {
  const { promise, resolve, reject } = Promise.withResolvers<Got>()
  const { method = 'GET', headers = {}, write = call => call.end() } = options
  let isAnswered = false
  const call = request(url, { method, headers, agent: false }, answer => {
    isAnswered = true
    const chunks: Buffer[] = []
    answer.on('data', chunk => chunks.push(chunk))
    answer.once('error', reject)
    answer.once('end', () => {
      const bytes = Buffer.concat(chunks)
      const isJson = /json/.test(String(answer.headers['content-type']))
      const body = isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined
      resolve({ status: answer.statusCode!, headers: answer.headers, bytes, body })
      call.destroy()
    })
  })
  // After the answer the server may close while we still write.
  call.on('error', error => isAnswered || reject(error))
  write(call)
  return promise
}

/** `sizeBytes` of noise inside a file part, made while it is sent. */
export async function writeLarge(call: ClientRequest, sizeBytes: number): Promise<void> {
  const piece = randomBytes(65_536)
  call.write(headOf({ name: 'file', filename: 'large.bin' }))
  let isOpen = true
  call.once('close', () => (isOpen = false))
  for (let sent = 0; sent < sizeBytes && isOpen; sent += piece.length) {
    if (call.write(sizeBytes - sent < piece.length ? piece.subarray(0, sizeBytes - sent) : piece)) continue
    await Promise.race([once(call, 'drain'), once(call, 'close')]).catch(() => {})
  }
  if (isOpen) call.end(`\r\n--${BOUNDARY}--\r\n`)
}

/** Below `folder`, with their paths. */
export async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(body))
  return Buffer.concat([length, body, check])
}

/** Of one colour; its size is a fraction of its pixels. */
export function png(width: number, height: number): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  // One bit a pixel, grey.
  header[8] = 1
  const row = Buffer.alloc(1 + Math.ceil(width / 8))
  const pixels = Buffer.concat(Array<Buffer>(height).fill(row))
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(pixels, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** `frames` frames of one pixel on a screen of the given size. */
export function gif(width: number, height: number, frames: number): Buffer {
  const head = Buffer.from('GIF89a\0\0\0\0\x80\0\0\0\0\0\xff\xff\xff', 'latin1')
  head.writeUInt16LE(width, 6)
  head.writeUInt16LE(height, 8)
  const frame = Buffer.from('!\xf9\x04\0\x0a\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0', 'latin1')
  return Buffer.concat([head, ...Array<Buffer>(frames).fill(frame), Buffer.from(';')])
}

/** A second of silence. */
export function wav(seconds: number): Buffer {
  const rate = 8000
  const head = Buffer.alloc(44)
  head.write('RIFF', 0).toString()
  head.writeUInt32LE(36 + rate * seconds, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate, 28)
  head.writeUInt16LE(1, 32)
  head.writeUInt16LE(8, 34)
  head.write('data', 36)
  head.writeUInt32LE(rate * seconds, 40)
  return Buffer.concat([head, Buffer.alloc(rate * seconds, 128)])
}
