import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Server } from '../crash/processes.ts'
import { socketClient } from '../support/graphql.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'
import { type NodeWorld, openNodeWorld, until } from './world.ts'

const CONTACT = '5511988880001'
const MESSAGES = 40

let world: NodeWorld
let receiver: Receiver
let id: string
beforeAll(async () => {
  receiver = await openReceiver()
  world = await openNodeWorld(3, { settings: { ...RECEIVABLE, WEBHOOK_RETRY_BASE_MS: '200' } })
  id = await world.link('streamed')
  await world.send(id, CONTACT, 'hello')
  // Its receipts are events too: the streams are to begin after the last of them.
  await until(
    async () =>
      (await world.rows('select 1 from message where instance_id = $1 and status = $2', [id, 'read'])).length > 0,
    'hello has been read',
  )
}, 180_000)
afterAll(async () => {
  await world?.close()
  await receiver?.close()
}, 60_000)

// biome-ignore lint/suspicious/noExplicitAny: results are looked into freely
type Any = any

interface Stream {
  got: Any[]
  /** Null: as it ought to. */
  ended: Promise<unknown>
  isOver: boolean
  leave(): Promise<void>
}

function listen(server: Server, query: string, apiKey = world.apiKey): Stream {
  const client: Client = socketClient(server.url, apiKey)
  const got: Any[] = []
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  const end = (reason: unknown) => {
    stream.isOver = true
    resolve(reason)
  }
  const stream: Stream = { got, ended, isOver: false, leave: async () => void (await client.dispose()) }
  client.subscribe(
    { query },
    {
      next: ({ data, errors }: Any) => got.push(errors ?? Object.values(data)[0]),
      error: end,
      complete: () => end(null),
    },
  )
  return stream
}

const events = (after?: string) =>
  `subscription { eventOccurred(instanceId: "${id}"${after ? `, after: "${after}"` : ''}) { id seq event data } }`

describe('a stream on any node', () => {
  it('gives each event once and in order, whichever node records it, and goes on at another by the id of an event', async () => {
    const streams = world.servers.map(server => listen(server, events()))
    const received = world.servers.map(server =>
      listen(
        server,
        `subscription { messageReceived(instanceId: "${id}") { content { ... on TextContent { text } } } }`,
      ),
    )
    await sleep(500)
    const said = Array.from({ length: MESSAGES }, (_, i) => `in ${i}`)
    const talk = (async () => {
      for (const text of said) await world.say(id, CONTACT, text)
    })()
    await Promise.all(said.map((_, i) => world.send(id, CONTACT, `out ${i}`)))
    await talk
    const newest = async () =>
      (
        await world.rows<{ seq: number }>('select last_seq::int as seq from event_counter where instance_id = $1', [id])
      )[0]!.seq
    await until(() => received.every(stream => stream.got.length >= MESSAGES), 'each has heard all')
    await until(async () => {
      const seq = await newest()
      return streams.every(stream => stream.got.at(-1)?.seq === seq)
    }, 'each is up to date')
    for (const stream of received) expect(stream.got.map(each => each.content.text)).toEqual(said)
    const seqs = streams[0]!.got.map(each => each.seq)
    expect(seqs).toEqual(Array.from(seqs, (_, i) => seqs[0] + i))
    expect(seqs.length).toBeGreaterThan(3 * MESSAGES)
    for (const stream of streams) expect(stream.got).toEqual(streams[0]!.got)

    // Cut off in the middle, it goes on elsewhere.
    const all = streams[0]!.got
    await Promise.all([...streams, ...received].map(stream => stream.leave()))
    const middle = Math.floor(all.length / 2)
    for (const server of world.servers) {
      const resumed = listen(server, events(all[middle].id))
      await until(() => resumed.got.length >= all.length - middle - 1, 'the rest')
      await world.say(id, CONTACT, `more at ${server.pid}`)
      await until(() => resumed.got.at(-1)?.data?.content?.text === `more at ${server.pid}`, 'what comes then')
      const after = resumed.got.map(each => each.seq)
      expect(after).toEqual(Array.from(after, (_, i) => all[middle].seq + 1 + i))
      await resumed.leave()
    }
  }, 120_000)

  it('shows the QR codes of an instance that another node connects', async () => {
    const { id: other } = (await world.call<{ id: string }>('POST', '/instances', { name: 'shown' })).body
    const query = `subscription { qrUpdated(instanceId: "${other}") { qr } }`
    const streams = world.servers.map(server => listen(server, query))
    await sleep(300)
    const { body } = await world.call<{ qr: string }>('POST', `/instances/${other}/connect`)
    await until(() => streams.every(stream => stream.got.length > 0), 'each has a code')
    for (const stream of streams) expect(stream.got[0].qr).toBe(body.qr)
    await Promise.all(streams.map(stream => stream.leave()))
    expect((await world.call('POST', `/instances/${other}/disconnect`)).status).toBe(200)
  }, 60_000)

  it('ends soon on every node when its key is revoked', async () => {
    const made = async () =>
      (await world.call<{ id: string; key: string; api_key: string }>('POST', '/auth/api-keys', { name: 'short' })).body
    const { id: keyId, ...of } = await made()
    const key = of.api_key ?? of.key
    const streams = world.servers.map(server => listen(server, events(), key))
    await sleep(500)
    expect(streams.map(stream => stream.isOver)).toEqual([false, false, false])
    world.at = world.servers[0]!
    expect((await world.call('DELETE', `/auth/api-keys/${keyId}`)).status).toBe(204)
    const revokedMs = performance.now()
    await Promise.all(streams.map(stream => stream.ended))
    console.log(`nodes: streams on three nodes ended ${Math.round(performance.now() - revokedMs)} ms after their key`)
    for (const server of world.servers) {
      const answer = await fetch(`${server.url}/v1/instances`, { headers: { 'x-api-key': key } })
      expect(answer.status).toBe(401)
    }
    world.at = null
  }, 60_000)

  it('ends within moments on every node when its account is suspended, and no call is taken any more', async () => {
    const key = await world.server.createTenant('Suspended')
    const headers = { 'x-api-key': key, 'content-type': 'application/json' }
    const made = await fetch(`${world.next().url}/v1/instances`, { method: 'POST', headers, body: '{"name":"bot"}' })
    const instance = ((await made.json()) as Any).id
    const query = `subscription { eventOccurred(instanceId: "${instance}") { id } }`
    const streams = world.servers.map(server => listen(server, query, key))
    await sleep(500)
    expect(streams.map(stream => stream.isOver)).toEqual([false, false, false])
    await world.rows(`update tenant set status = 'suspended' where name = 'Suspended'`)
    const suspendedMs = performance.now()
    await Promise.all(streams.map(stream => stream.ended))
    console.log(`nodes: streams ended ${Math.round(performance.now() - suspendedMs)} ms after their account`)
    for (const server of world.servers) {
      expect((await fetch(`${server.url}/v1/instances`, { headers })).status).toBe(403)
    }
  }, 60_000)
})

describe('webhooks of three nodes', () => {
  it('are told of what any node records, at once, and no more once one node has deactivated them', async () => {
    const input = { url: receiver.url, events: ['message.created', 'message.received'] }
    const { id: hook } = (await world.call<{ id: string }>('POST', `/instances/${id}/webhooks`, input)).body
    const tries = world.servers.map(server =>
      listen(server, `subscription { webhookDelivery(instanceId: "${id}") { eventId status } }`),
    )
    await sleep(300)
    receiver.got.length = 0
    for (let i = 0; i < 12; i++) await world.send(id, CONTACT, `hooked ${i}`)
    await world.say(id, CONTACT, 'hooked')
    await until(() => receiver.got.length >= 13, 'all are delivered')
    await until(() => tries.every(stream => stream.got.length >= 13), 'each node tells of them')
    const delivered = receiver.got.map(({ body }) => body.id).sort()
    expect(new Set(delivered).size).toBe(13)
    for (const stream of tries) expect(stream.got.map(each => each.eventId).sort()).toEqual(delivered)
    await Promise.all(tries.map(stream => stream.leave()))

    world.at = world.servers[2]!
    expect((await world.call('PATCH', `/instances/${id}/webhooks/${hook}`, { active: false })).status).toBe(200)
    world.at = null
    const { length } = receiver.got
    for (let i = 0; i < 6; i++) await world.send(id, CONTACT, `unheard ${i}`)
    await sleep(1_000)
    expect(receiver.got.length).toBe(length)
  }, 60_000)
})
