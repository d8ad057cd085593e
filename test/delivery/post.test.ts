import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import { createDelivery, type Delivery, type DeliveryPolicy, type PostRequest } from '../../src/delivery/delivery.ts'
import { IDLE_MAX } from '../../src/delivery/idle.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

interface Receiver {
  port: number
  requests: { req: IncomingMessage; body: string }[]
  /** How many connections were made, and are open. */
  connections: { made: number; open: number }
}

async function receive(
  server: Server & { on(event: 'request', listener: RequestListener): unknown },
  answer: RequestListener,
) {
  const receiver: Receiver = { port: 0, requests: [], connections: { made: 0, open: 0 } }
  server.on('request', async (req, res) => {
    receiver.requests.push({ req, body: await text(req) })
    answer(req, res)
  })
  server.on('connection', socket => {
    receiver.connections.made++
    receiver.connections.open++
    socket.on('close', () => receiver.connections.open--)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  receiver.port = (server.address() as AddressInfo).port
  closing.push(() => server.close())
  return receiver
}

const ok: RequestListener = (_, res) => res.end('ok')
const plain = (answer: RequestListener = ok) => receive(createServer({ keepAlive: true }), answer)

function open(over: Partial<DeliveryPolicy> = {}): Delivery {
  const delivery = createDelivery({
    allowHttp: true,
    allowedNetworks: ['127.0.0.1/32'],
    ownPort: () => null,
    lookup: async () => ['127.0.0.1'],
    ...over,
  })
  closing.push(() => delivery.close())
  return delivery
}

const to = (url: string, over: Partial<PostRequest> = {}): PostRequest => ({
  url,
  headers: { 'content-type': 'application/json' },
  body: '{}',
  timeoutMs: 2_000,
  ...over,
})

describe('a post', () => {
  it('arrives as it was given: path, query, headers and the bytes of the body', async () => {
    const receiver = await plain()
    const headers = { 'content-type': 'application/json', 'X-Webhook-Signature': 'abc' }
    const body = '{"text":"päck 📦 \\u0000"}'
    const outcome = await open().post(to(`http://hook.example.com:${receiver.port}/a%20b?c=d&e#f`, { headers, body }))
    expect(outcome).toMatchObject({ kind: 'answered', statusCode: 200, body: 'ok', retryAfterMs: null })
    expect(receiver.requests).toHaveLength(1)
    const { req, body: arrived } = receiver.requests[0]!
    expect([req.method, req.url, arrived]).toEqual(['POST', '/a%20b?c=d&e', body])
    expect(req.headers).toMatchObject({ 'x-webhook-signature': 'abc', 'content-length': `${Buffer.byteLength(body)}` })
    expect(req.headers.host).toBe(`hook.example.com:${receiver.port}`)
  })

  it('follows no redirect, to wherever it leads', async () => {
    const inside = await plain()
    const targets = [
      `http://127.0.0.1:${inside.port}/`,
      `//127.0.0.1:${inside.port}/`,
      '/other',
      'http://169.254.169.254/',
    ]
    const delivery = open()
    for (const status of [301, 302, 303, 307, 308]) {
      for (const location of targets) {
        const receiver = await plain((_, res) => res.writeHead(status, { location }).end())
        const outcome = await delivery.post(to(`http://127.0.0.1:${receiver.port}/hook`))
        expect(outcome).toMatchObject({ kind: 'answered', statusCode: status })
        expect(receiver.requests).toHaveLength(1)
      }
    }
    expect(inside.requests).toHaveLength(0)
  })

  it('goes to nobody else on the word of the environment', async () => {
    const [receiver, proxy] = [await plain(), await plain()]
    for (const name of ['http_proxy', 'HTTP_PROXY', 'ALL_PROXY', 'NODE_USE_ENV_PROXY']) {
      process.env[name] = name.startsWith('NODE') ? '1' : `http://127.0.0.1:${proxy.port}`
      closing.push(() => delete process.env[name])
    }
    expect(await open().post(to(`http://127.0.0.1:${receiver.port}/`))).toMatchObject({ statusCode: 200 })
    expect(proxy.connections.made).toBe(0)
  })

  it('keeps of the answer 1 KiB of text that any column takes', async () => {
    const bodies: [Buffer, (kept: string) => void][] = [
      [Buffer.from('ab\0cd'), kept => expect(kept).toBe('abcd')],
      [Buffer.from('€'.repeat(5_000)), kept => expect(kept).toBe('€'.repeat(341))],
      [Buffer.from('😀'.repeat(5_000)), kept => expect(kept).toBe('😀'.repeat(256))],
      [Buffer.alloc(3_000, 0xff), kept => expect(kept).toBe('\u{fffd}'.repeat(341))],
      [Buffer.alloc(64 * 1024 - 1, 'x'), kept => expect(kept).toBe('x'.repeat(1024))],
      [Buffer.alloc(0), kept => expect(kept).toBe('')],
    ]
    for (const [bytes, check] of bodies) {
      const receiver = await plain((_, res) => res.writeHead(500).end(bytes))
      const outcome = await open().post(to(`http://127.0.0.1:${receiver.port}/`))
      expect(outcome).toMatchObject({ kind: 'answered', statusCode: 500 })
      if (outcome.kind === 'answered') check(outcome.body)
    }
  })

  it('tells when to come again, said in seconds or as a date, with any status', async () => {
    const nowMs = Date.parse('2026-01-01T00:00:00Z')
    const clock = { now: () => new Date(nowMs), nowMs: () => nowMs }
    for (const [said, told] of [
      ['120', 120_000],
      ['0', 0],
      ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000],
      ['Thu, 01 Jan 2025 00:00:00 GMT', 0],
      ['-5', null],
      ['soon', null],
      ['1.5', null],
      ['9'.repeat(400), null],
    ] as const) {
      const receiver = await plain((_, res) => res.writeHead(429, { 'retry-after': said }).end())
      const outcome = await open({ clock }).post(to(`http://127.0.0.1:${receiver.port}/`))
      expect(outcome, said).toMatchObject({ statusCode: 429, retryAfterMs: told })
    }
  })

  it('is refused at a URL that is none, that is not https, or that names this server', async () => {
    const receiver = await plain()
    const strict = open({ allowHttp: false, ownPort: () => receiver.port })
    const url = `https://127.0.0.1:${receiver.port}/`
    for (const [refused, message] of [
      ['nonsense', 'The URL must be an https URL.'],
      [url.replace('https', 'http'), 'The URL must be an https URL.'],
      [url, 'The URL must not point to this server.'],
    ] as const) {
      expect(await strict.post(to(refused))).toMatchObject({ kind: 'failed', code: 'address_refused', message })
    }
    expect(await strict.problemWith(url)).toBe('must not point to this server')
    expect(receiver.connections.made).toBe(0)
  })

  it('is aborted by its signal and by the end of the room, before it and while it waits', async () => {
    const receiver = await plain(() => {})
    const delivery = open()
    const url = `http://127.0.0.1:${receiver.port}/`
    const aborted = { kind: 'failed', code: 'aborted' }
    expect(await delivery.post(to(url, { signal: AbortSignal.abort() }))).toMatchObject(aborted)
    expect(receiver.connections.made).toBe(0)
    const controller = new AbortController()
    const waiting = [delivery.post(to(url, { signal: controller.signal })), delivery.post(to(url))] as const
    await expect.poll(() => receiver.requests.length).toBe(2)
    controller.abort()
    expect(await waiting[0]).toMatchObject(aborted)
    await delivery.close()
    expect(await waiting[1]).toMatchObject(aborted)
    expect(await delivery.post(to(url))).toMatchObject(aborted)
    await expect.poll(() => receiver.connections.open).toBe(0)
  })
})

describe('a connection', () => {
  it('carries one post after another, and posts at the same time have one each', async () => {
    const receiver = await plain()
    const delivery = open()
    const post = () => delivery.post(to(`http://127.0.0.1:${receiver.port}/`))
    for (let i = 0; i < 20; i++) expect(await post()).toMatchObject({ statusCode: 200 })
    expect(receiver.connections.made).toBe(1)
    await Promise.all(Array.from({ length: 5 }, post))
    expect(receiver.connections.made).toBe(5)
  })

  it('that its receiver has closed meanwhile is not what a post fails by', async () => {
    const receiver = await plain((_, res) => {
      const { socket } = res
      res.end('ok', () => socket!.destroy())
    })
    const delivery = open()
    for (let i = 0; i < 100; i++) {
      expect(await delivery.post(to(`http://127.0.0.1:${receiver.port}/`))).toMatchObject({ statusCode: 200 })
      await new Promise(resolve => setTimeout(resolve, 5))
    }
    expect(receiver.connections.made).toBe(100)
  })

  it('whose answer says that it closes is not used again', async () => {
    const receiver = await plain((_, res) => res.writeHead(200, { connection: 'close' }).end())
    const delivery = open()
    for (let i = 0; i < 50; i++) {
      expect(await delivery.post(to(`http://127.0.0.1:${receiver.port}/`))).toMatchObject({ statusCode: 200 })
    }
    expect(receiver.connections.made).toBe(50)
  })

  it('that has closed takes no place among those that wait', async () => {
    const [staying, leaving] = [
      await plain(),
      await plain((_, res) => res.writeHead(200, { connection: 'close' }).end()),
    ]
    const delivery = open()
    const post = (host: string, { port }: Receiver) => delivery.post(to(`http://${host}.example.com:${port}/`))
    await post('stays', staying)
    await Promise.all(Array.from({ length: IDLE_MAX + 20 }, (_, i) => post(`leaves${i}`, leaving)))
    await post('stays', staying)
    expect(staying.connections.made).toBe(1)
  })

  it(`waits for more only so long, and beside ${IDLE_MAX} others at most`, async () => {
    const patient = createServer()
    patient.keepAliveTimeout = 600_000
    const receiver = await receive(patient, ok)
    const delivery = open()
    for (let i = 0; i < IDLE_MAX + 50; i++) {
      await delivery.post(to(`http://n${i}.example.com:${receiver.port}/`, { timeoutMs: 10_000 }))
    }
    await expect.poll(() => receiver.connections.open, { timeout: 3_000 }).toBeLessThanOrEqual(IDLE_MAX)
    await expect.poll(() => receiver.connections.open, { timeout: 10_000 }).toBe(0)
  })
})

describe('over TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'wataki-tls-'))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const subject = ['-subj', '/CN=hook.example.com', '-addext', 'subjectAltName=DNS:hook.example.com']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  execFileSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const files = { key: readFileSync(key), cert: readFileSync(cert) }
  rmSync(folder, { recursive: true })
  const secure = () => receive(createTlsServer(files), ok)

  it('the name in the URL is what the certificate must be for, whatever address was dialled', async () => {
    const known = getCACertificates('default')
    setDefaultCACertificates([...known, files.cert.toString()])
    closing.push(() => setDefaultCACertificates(known))
    const receiver = await secure()
    const delivery = open()
    for (const host of ['hook.example.com', 'hook.example.com.']) {
      expect(await delivery.post(to(`https://${host}:${receiver.port}/`)), host).toMatchObject({ statusCode: 200 })
    }
    for (const host of ['other.example.com', '127.0.0.1']) {
      const outcome = await delivery.post(to(`https://${host}:${receiver.port}/`))
      expect(outcome, host).toMatchObject({ kind: 'failed', code: 'tls' })
    }
    expect(receiver.requests).toHaveLength(2)
  })

  it('a certificate that nobody known has signed is refused', async () => {
    const receiver = await secure()
    const outcome = await open().post(to(`https://hook.example.com:${receiver.port}/`))
    expect(outcome).toMatchObject({ kind: 'failed', code: 'tls' })
    expect(receiver.requests).toHaveLength(0)
  })
})

it("leaves everybody's `fetch` as it is", () => {
  const dispatchers = Object.getOwnPropertySymbols(globalThis).filter(symbol => /undici/.test(String(symbol)))
  const names = dispatchers.map(symbol => (globalThis as unknown as Record<symbol, object>)[symbol]!.constructor.name)
  expect(names.filter(name => name === 'Dispatcher1Wrapper')).toEqual([])
})
