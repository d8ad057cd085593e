import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import http, { type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { downloadEncryptedContent, getMediaKeys } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { encryptToFile } from './encrypt.ts'
import { type AskPhone, fetchMedia } from './fetch.ts'
import { type MediaKind, mediaKeys } from './kind.ts'
import { type MediaReference, packReference } from './reference.ts'

let directory: string
let server: http.Server
let origin: string
/** What the media host does with each path. */
const answers = new Map<string, (response: ServerResponse) => void>()
const asked: string[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'wataki-test-'))
  server = http.createServer((request, response) => {
    asked.push(request.url ?? '')
    const answer = answers.get(request.url ?? '')
    if (answer) answer(response)
    else response.writeHead(404).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(directory, { recursive: true })
})

async function sealed(plain: Buffer, kind: MediaKind = 'image') {
  const path = join(directory, randomBytes(8).toString('hex'))
  // In pieces whose bounds fall anywhere.
  const pieces = Array.from({ length: Math.ceil(plain.length / 1009) }, (_, i) =>
    plain.subarray(i * 1009, (i + 1) * 1009),
  )
  const keys = await encryptToFile(Readable.from(pieces), { kind, path, signal: AbortSignal.timeout(5000) })
  return { ...keys, blob: await readFile(path) }
}

/** Media at a path of its own. */
async function published(plain: Buffer, change: { blob?: (blob: Buffer) => Buffer; reference?: object } = {}) {
  const { mediaKey, sha256, sizeBytes, blob } = await sealed(plain)
  const directPath = `/v/${randomBytes(8).toString('hex')}`
  const sent = change.blob?.(blob) ?? blob
  answers.set(directPath, response => response.writeHead(200).end(sent))
  const reference: MediaReference = { kind: 'image', directPath, url: null, mediaKey, sha256, sizeBytes }
  return { ...reference, ...change.reference }
}

const KEY = { whatsappId: 'M', chat: '9002@lid', fromMe: false, sender: '9002@lid' }
const LIMITS = { totalMs: 1500, idleMs: 300 }

function fetched(reference: MediaReference, askPhone: AskPhone = async () => null) {
  const network = { webSocketUrl: null, mediaUrl: origin, rootKey: null }
  return fetchMedia({ reference: packReference(reference), key: KEY, network }, { askPhone, limits: LIMITS })
}

async function bytesOf(reference: MediaReference): Promise<Buffer> {
  const outcome = await fetched(reference)
  if (outcome.kind !== 'open') throw new Error(outcome.message)
  return Buffer.concat(await outcome.bytes.toArray())
}

test('the keys of each kind are those of the protocol', async () => {
  const mediaKey = randomBytes(32)
  for (const kind of ['image', 'video', 'audio', 'document', 'sticker'] as const) {
    const theirs = await getMediaKeys(mediaKey, kind)
    const ours = mediaKeys(mediaKey, kind)
    expect([ours.iv, ours.cipherKey, ours.macKey]).toEqual(
      [theirs.iv, theirs.cipherKey, theirs.macKey].map(key => Buffer.from(key!)),
    )
  }
  const theirs = await getMediaKeys(mediaKey, 'md-msg-hist')
  expect(mediaKeys(mediaKey, 'history').cipherKey).toEqual(Buffer.from(theirs.cipherKey))
})

test('what is encrypted here opens there, and the other way round, whatever the size', async () => {
  for (const size of [0, 1, 15, 16, 17, 4096, 100_003]) {
    const plain = randomBytes(size)
    const { blob, mediaKey } = await sealed(plain)
    const path = `/baileys/${size}`
    // Baileys takes the MAC for a part of a block and leaves it out.
    answers.set(path, response => response.writeHead(200).end(blob))
    const keys = await getMediaKeys(mediaKey, 'image')
    const theirs = await downloadEncryptedContent(`${origin}${path}`, keys)
    expect(Buffer.concat(await theirs.toArray())).toEqual(plain)
    expect(await bytesOf(await published(plain))).toEqual(plain)
  }
})

test('changed anywhere, shortened, or not what was hashed: the stream ends with an error', async () => {
  const plain = randomBytes(50_000)
  const flipped = (at: number) => (blob: Buffer) => {
    const copy = Buffer.from(blob)
    copy[at < 0 ? copy.length + at : at]! ^= 1
    return copy
  }
  for (const blob of [flipped(0), flipped(25_000), flipped(-1), flipped(-20), (b: Buffer) => b.subarray(0, -16)])
    await expect(bytesOf(await published(plain, { blob }))).rejects.toThrow(/MAC/)
  await expect(bytesOf(await published(plain, { blob: () => Buffer.alloc(3) }))).rejects.toThrow(/MAC/)
  await expect(bytesOf(await published(plain, { reference: { sha256: randomBytes(32) } }))).rejects.toThrow(/hashed/)
  await expect(bytesOf(await published(plain, { reference: { kind: 'video' } }))).rejects.toThrow(/MAC/)
})

test('no redirect is followed', async () => {
  const reference = await published(Buffer.from('x'))
  const { directPath } = await published(Buffer.from('x'))
  answers.set(reference.directPath!, response => response.writeHead(302, { location: `${origin}${directPath}` }).end())
  asked.length = 0
  expect(await fetched(reference)).toMatchObject({ kind: 'failed', message: expect.stringMatching(/302/) })
  expect(asked).toEqual([reference.directPath])
})

test('more than was announced is not taken, told beforehand or not', async () => {
  const endless = await published(Buffer.alloc(1000))
  answers.set(endless.directPath!, response => {
    response.writeHead(200)
    const more = () => {
      if (!response.destroyed) response.write(Buffer.alloc(65_536), () => setImmediate(more))
    }
    more()
  })
  await expect(bytesOf(endless)).rejects.toThrow(/larger/)
  const told = await published(Buffer.alloc(1000))
  answers.set(told.directPath!, response => response.writeHead(200, { 'content-length': 10_000_000 }).flushHeaders())
  expect(await fetched(told)).toMatchObject({ kind: 'gone', message: expect.stringMatching(/larger/) })
  expect(await fetched({ ...told, sizeBytes: 200 * 1024 * 1024 })).toMatchObject({ kind: 'gone' })
})

test('a host that says nothing, or dribbles, is left in time', async () => {
  const silent = await published(Buffer.alloc(1000))
  answers.set(silent.directPath!, () => {})
  expect(await fetched(silent)).toMatchObject({ kind: 'failed', message: expect.stringMatching(/silent/) })
  const slow = await published(Buffer.alloc(100_000))
  answers.set(slow.directPath!, response => {
    response.writeHead(200)
    const drip = setInterval(() => response.write('x'), 100)
    response.on('close', () => clearInterval(drip))
  })
  const startedMs = performance.now()
  await expect(bytesOf(slow)).rejects.toThrow()
  expect(performance.now() - startedMs).toBeLessThan(LIMITS.totalMs + 1000)
})

test('media without a key, or at a place of its sender, is not asked for at all', async () => {
  const reference = await published(Buffer.from('x'))
  asked.length = 0
  expect(await fetched({ ...reference, mediaKey: Buffer.alloc(0) })).toMatchObject({ kind: 'gone' })
  for (const place of ['//evil.example/x', '@evil.example/x'])
    expect(await fetched({ ...reference, directPath: place })).toMatchObject({ kind: 'gone' })
  const other = { ...reference, directPath: null, url: `http://localhost:${new URL(origin).port}/v/x` }
  expect(await fetched(other)).toMatchObject({ kind: 'gone' })
  const network = { webSocketUrl: null, mediaUrl: origin, rootKey: null }
  const garbled = { reference: Buffer.from('nonsense'), key: KEY, network }
  expect(await fetchMedia(garbled, { askPhone: async () => null })).toMatchObject({ kind: 'gone' })
  expect(asked).toEqual([])
})

test('what is gone is asked for once more of the phone; where it puts it is no more believed than the sender', async () => {
  const plain = randomBytes(3000)
  const reference = await published(plain)
  const place = reference.directPath!
  answers.set('/moved', answers.get(place)!)
  for (const status of [404, 410]) {
    answers.set(place, response => response.writeHead(status).end())
    const outcome = await fetched(reference, async () => ({ directPath: '/moved' }))
    if (outcome.kind !== 'open' || !outcome.reference) throw new Error('not open')
    expect(Buffer.concat(await outcome.bytes.toArray())).toEqual(plain)
    // The new reference is good for the next time, without the phone.
    const network = { webSocketUrl: null, mediaUrl: origin, rootKey: null }
    const again = await fetchMedia(
      { reference: outcome.reference, key: KEY, network },
      { askPhone: () => Promise.reject(new Error('asked')) },
    )
    expect(again).toMatchObject({ kind: 'open', reference: null })
    if (again.kind === 'open') again.bytes.destroy()
  }
  // Nobody could be asked: another time there may be.
  expect(await fetched(reference)).toMatchObject({ kind: 'failed' })
  expect(await fetched(reference, () => Promise.reject(new Error('no')))).toMatchObject({ kind: 'failed' })
  expect(await fetched(reference, async () => 'has_not')).toMatchObject({ kind: 'gone' })
  expect(await fetched(reference, async () => ({ directPath: '//evil.example/x' }))).toMatchObject({ kind: 'gone' })
  answers.set(place, response => response.writeHead(503).end())
  expect(await fetched(reference, async () => ({ directPath: '/moved' }))).toMatchObject({ kind: 'failed' })
})

test('a source that fails or is too slow leaves the encryption with an error', async () => {
  const failing = new Readable({
    read() {
      this.destroy(new Error('no more'))
    },
  })
  const options = { kind: 'image' as const, signal: AbortSignal.timeout(300) }
  await expect(encryptToFile(failing, { ...options, path: join(directory, 'failing') })).rejects.toThrow('no more')
  const stuck = new Readable({ read() {} })
  await expect(encryptToFile(stuck, { ...options, path: join(directory, 'stuck') })).rejects.toThrow()
  expect(stuck.destroyed).toBe(true)
})
