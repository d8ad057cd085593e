import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Companion } from '../../src/sandbox/companion.ts'
import type { Simulator } from '../../src/sandbox/simulator.ts'
import { Client, textOf, until } from './client.ts'
import { type Harness, openHarness } from './harness.ts'

let h: Harness
let me: Client
let companion: () => Companion
let sim: Simulator

beforeAll(async () => {
  h = await openHarness()
  ;({ client: me, companion } = await h.link('disconnects'))
  sim = h.sandbox.simulator
  me.reconnect = () => false
})
afterAll(() => h.close())

async function closesWith(code: number, act: () => void): Promise<void> {
  const before = me.events.length
  act()
  await me.closed(before)
  expect(me.codes.at(-1)).toBe(code)
  sim.faults.loginFailure = null
  const reopened = me.events.length
  me.connect()
  await me.open(reopened)
}

async function failsLogin(code: number): Promise<void> {
  const before = me.events.length
  companion().drop()
  await me.closed(before)
  sim.faults.loginFailure = code
  await closesWith(code, () => me.connect())
}

describe('a client learns why its connection ended', () => {
  test('a stream error without a code is 500', () => closesWith(500, () => companion().streamError()))
  test('a replaced session is 440', () => closesWith(440, () => companion().replaced()))
  test('a downgrade is 411', () =>
    closesWith(411, () =>
      companion().conn!.send({ tag: 'ib', attrs: {}, content: [{ tag: 'downgrade_webclient', attrs: {} }] }),
    ))
  test('the end of the stream is 428', () =>
    closesWith(428, () => companion().conn!.send({ tag: 'xmlstreamend', attrs: {} })))
  test('a refused login is its reason', async () => {
    for (const code of [403, 503, 500]) await failsLogin(code)
  })

  test('a silent server is 408', async () => {
    const quick = new Client(h.sandbox.network, { auth: me.auth, config: { keepAliveIntervalMs: 200 } })
    quick.reconnect = () => false
    await me.close()
    quick.connect()
    await quick.open()
    sim.faults.silent = true
    await quick.wait('connection.update', u => u.connection === 'close')
    sim.faults.silent = false
    expect(quick.codes).toEqual([408])
    const before = me.events.length
    me.connect()
    await me.open(before)
  })

  test('an upgrade that is refused is seen as such', async () => {
    sim.faults.upgradeStatus = 503
    const socket = new WebSocket(h.sandbox.network.webSocketUrl)
    const [, response] = await once(socket, 'unexpected-response')
    expect(response.statusCode).toBe(503)
    sim.faults.upgradeStatus = null
  })

  test('codes that are used up are 408', async () => {
    const client = new Client(h.sandbox.network, { config: { qrTimeout: 20 } })
    client.reconnect = () => false
    client.connect()
    await until(() => client.codes.length > 0)
    expect(client.codes).toEqual([408])
  })
})

describe('what tests can break', () => {
  test('a refused message is ERROR with its code', async () => {
    sim.faults.nackNext(479)
    const sent = await me.sock.sendMessage('5511955550002@s.whatsapp.net', { text: 'refused' })
    await me.status(sent!.key.id!, 0)
  })

  test('an iq fails, or is not answered', async () => {
    sim.faults.failIq('blocklist', { code: 429, text: 'rate-overlimit' })
    await expect(me.sock.fetchBlocklist()).rejects.toThrow(/rate-overlimit/)
    sim.faults.failIq('w:m', { code: null })
    const query = {
      tag: 'iq',
      attrs: { to: '@s.whatsapp.net', type: 'set', xmlns: 'w:m' },
      content: [{ tag: 'media_conn', attrs: {} }],
    }
    await expect(me.sock.query(query, 200)).rejects.toMatchObject({ output: { statusCode: 408 } })
  })

  test('latency delays each frame', async () => {
    sim.faults.latencyMs = 80
    const start = performance.now()
    await me.sock.fetchBlocklist()
    sim.faults.latencyMs = 0
    expect(performance.now() - start).toBeGreaterThan(75)
  })

  test('held deliveries can be released in any order', async () => {
    const bob = h.contact('5511955550002')
    const phone = companion().person
    const before = me.events.length
    const held = sim.faults.hold()
    for (let i = 0; i < 4; i++) await bob.speaker.text(phone, `ooo ${i}`)
    held.release({ reverse: true })
    await me.text('ooo 0', before)
    const got = me.events
      .slice(before)
      .flatMap(e => (e.name === 'messages.upsert' ? (e.data as { messages: never[] }).messages.map(textOf) : []))
    expect(got).toEqual(['ooo 3', 'ooo 2', 'ooo 1', 'ooo 0'])
  })

  test('no stanza was left without a handler, and nothing failed inside', () => {
    expect(h.unhandled).toEqual([])
    expect(h.errors).toEqual([])
  })
})
