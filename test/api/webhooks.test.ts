import { createHmac } from 'node:crypto'
import SwaggerParser from '@apidevtools/swagger-parser'
import { Webhook } from 'standardwebhooks'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

const EVENTS = ['message.received', 'message.status', 'connection.update']
const CONTACT = '5511900000011'

let wataki: TestApp
let acme: Caller
let instanceId: string
let receiver: Receiver
beforeAll(async () => {
  wataki = await openTestApp({ ...RECEIVABLE, WEBHOOK_RETRY_BASE_MS: '50', WEBHOOK_TIMEOUT_MS: '2000' })
  acme = await wataki.tenant()
  instanceId = await connectedInstance(acme)
}, 60_000)
afterAll(() => wataki.close())
beforeEach(async () => {
  receiver = await openReceiver()
})
afterEach(async () => {
  for (const { id } of (await acme.get(hooks())).body.data) await acme.delete(`${hooks()}/${id}`)
  await receiver.close()
})

const hooks = (of = instanceId) => `/v1/instances/${of}/webhooks`
const create = async (input: Json = {}): Promise<Json> => {
  const answer = await acme.post(hooks(), { url: receiver.url, events: EVENTS, ...input })
  expect(answer.status, JSON.stringify(answer.body)).toBe(201)
  return answer.body
}
const say = (text: string, from = CONTACT) =>
  acme.post(`/v1/instances/${instanceId}/sandbox/messages`, { from, type: 'text', content: { text } })
const arrived = (count: number) =>
  until(
    () => receiver.got,
    got => got.length >= count,
  )
const deliveries = async (id: string, query = ''): Promise<Json[]> =>
  (await acme.get(`${hooks()}/${id}/deliveries${query}`)).body.data

describe('creating a webhook', () => {
  it('answers 201 with the webhook as the contract has it, and a secret that is made and shown this once', async () => {
    const created = await create()
    expect(created).toEqual({
      id: expect.stringMatching(/^whk_[0-9a-z]{26}$/),
      url: receiver.url,
      events: EVENTS,
      active: true,
      has_secret: true,
      disabled_reason: null,
      disabled_at: null,
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
      updated_at: created.created_at,
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    })
    const { secret: _, ...seen } = created
    expect((await acme.get(`${hooks()}/${created.id}`)).body).toEqual(seen)
    expect((await acme.get(hooks())).body).toEqual({ data: [seen], page: { next_cursor: null } })
  })

  it("never echoes a caller's own secret, and stores none as it is", async () => {
    const secret = 'my very own secret 0123456789'
    const created = await create({ secret })
    expect(created.secret).toBeNull()
    const rows = await wataki.app.db.sql.query<{ all: string }>(
      `select string_agg(webhook::text || encode(secret, 'escape'), ' ') as all from webhook`,
    )
    expect(rows[0]!.all).not.toContain(secret)
    expect(JSON.stringify((await acme.get(hooks())).body)).not.toContain(secret)
  })

  it('refuses bad input with 400 that names each bad field', async () => {
    const bad = async (body: Json) => {
      const answer = await acme.post(hooks(), body)
      return [answer.status, answer.body.error?.details]
    }
    expect(await bad({})).toEqual([400, { url: 'is required', events: 'is required' }])
    const [status, details] = await bad({ url: 'ftp://example.com/x', events: [], secret: '', colour: 'red' })
    expect([status, Object.keys(details).sort()]).toEqual([400, ['colour', 'events', 'secret', 'url']])
    const [, words] = await bad({ url: 'https://example.com/', events: ['message.received', 'message.eaten'] })
    expect(words['events.1']).toMatch(/^must be one of message\.received, message\.status/)
  })

  it.each([
    'https://localhost/hook',
    'https://a.localhost/hook',
    'https://printer.local/hook',
    'https://db.internal/hook',
    'https://nas.home.arpa/hook',
    'https://user:password@example.com/hook',
    'http://10.0.0.1/hook',
    'http://0x0a.1/hook',
    'http://2130706434/hook',
    'http://[::ffff:10.0.0.1]/hook',
    'http://[64:ff9b::a00:1]/hook',
    'http://169.254.169.254/latest/meta-data',
  ])('refuses %s: 400 for its url', async url => {
    const answer = await acme.post(hooks(), { url, events: EVENTS })
    expect([answer.status, Object.keys(answer.body.error.details)]).toEqual([400, ['url']])
    const kept = await create()
    const moved = await acme.patch(`${hooks()}/${kept.id}`, { url })
    expect([moved.status, Object.keys(moved.body.error.details)]).toEqual([400, ['url']])
  })

  it('takes a name that cannot be resolved: it fails when it is delivered to', async () => {
    const created = await create({ url: 'https://nowhere.invalid/hook' })
    const tested = await acme.post(`${hooks()}/${created.id}/test`)
    expect(tested.status).toBe(202)
    const [delivery] = await until(
      () => deliveries(created.id),
      ([each]) => each?.tries.length > 0,
    )
    expect(delivery.tries[0]).toMatchObject({ status_code: null, response: null })
    expect(delivery.error).toMatch(/resolve/)
  })

  it('takes ten for an instance, and answers 409 to the eleventh: also to fifty at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => acme.post(hooks(), { url: receiver.url, events: EVENTS })),
    )
    const statuses = answers.map(answer => answer.status)
    expect(statuses.filter(status => status === 201)).toHaveLength(10)
    for (const answer of answers.filter(each => each.status !== 201)) {
      expect([answer.status, answer.body.error.code]).toEqual([409, 'limit_exceeded'])
    }
    expect((await acme.get(hooks())).body.data).toHaveLength(10)
  })

  it('answers the same to the same Idempotency-Key, secret included, and makes one', async () => {
    const body = { url: receiver.url, events: EVENTS }
    const first = await acme.post(hooks(), body, { 'idempotency-key': 'hook-1' })
    const second = await acme.post(hooks(), body, { 'idempotency-key': 'hook-1' })
    expect([second.status, second.body]).toEqual([201, first.body])
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    expect((await acme.get(hooks())).body.data).toHaveLength(1)
  })
})

describe('the OpenAPI document', () => {
  it('describes in `webhooks` what is sent for each event of the catalogue, and is valid', async () => {
    const { body: document } = await acme.get('/v1/openapi.json')
    await SwaggerParser.validate(structuredClone(document))
    const { data } = (await acme.get('/v1/events/catalogue')).body
    expect(Object.keys(document.webhooks)).toEqual(data.map((each: Json) => each.event))
    for (const { event, description, schema } of data) {
      const { requestBody, ...post } = document.webhooks[event].post
      const { properties } = requestBody.content['application/json'].schema
      expect([post.description, properties.event, properties.data]).toEqual([description, { const: event }, schema])
    }
  })
})

describe('a message with URLs in it', () => {
  it('causes no request to them, whether it is sent or received', async () => {
    const text = `${receiver.url} https://hooks.invalid/a http://10.0.0.1/b http://169.254.169.254/latest`
    await say(text)
    const sent = await acme.post(`/v1/instances/${instanceId}/messages`, {
      chat_id: CONTACT,
      type: 'text',
      content: { text },
    })
    await until(
      async () => (await acme.get(`/v1/instances/${instanceId}/messages/${sent.body.id}`)).body.status,
      status => status === 'read',
    )
    const listed = await acme.get(`/v1/instances/${instanceId}/messages?chat_id=${CONTACT}&limit=2`)
    expect(listed.body.data.map((each: Json) => each.content.text)).toEqual([text, text])
    expect(receiver.got).toEqual([])
  })
})

describe('what is delivered', () => {
  it('is the documented envelope with the event as the API knows it, signed in both ways', async () => {
    const { secret } = await create()
    await say('ola', CONTACT)
    const [received] = await arrived(1)
    const { body, raw, headers } = received!
    expect(Object.keys(body)).toEqual(['id', 'event', 'instance_id', 'timestamp', 'data'])
    expect(body).toMatchObject({ event: 'message.received', instance_id: instanceId })
    const message = (await acme.get(`/v1/instances/${instanceId}/messages/${body.data.id}`)).body
    expect(body.data).toEqual(message)
    const kept = (await acme.get(`/v1/instances/${instanceId}/events?limit=200`)).body.data
    const event = kept.find((each: Json) => each.id === body.id)
    expect(event).toMatchObject({ event: body.event, timestamp: body.timestamp, data: body.data })
    expect(headers['content-type']).toBe('application/json')
    expect(headers['x-webhook-signature']).toBe(createHmac('sha256', secret).update(raw).digest('hex'))
    expect(headers['webhook-id']).toBe(body.id)
    expect(new Webhook(secret).verify(raw, headers as Record<string, string>)).toEqual(body)
  })

  it('is what was asked for, to those who are active, and to no other instance', async () => {
    const second = await acme.post('/v1/instances', { name: 'second', sandbox: true })
    await acme.post(hooks(second.body.id), { url: receiver.url, events: EVENTS })
    const status = await create({ events: ['message.status'] })
    await create({ active: false })
    await acme.post(`/v1/instances/${instanceId}/messages`, { chat_id: CONTACT, type: 'text', content: { text: 'oi' } })
    const got = await until(
      () => receiver.got,
      all => all.some(each => each.body.data.status === 'read'),
    )
    expect(got.map(each => [each.body.event, each.body.data.status])).toEqual([
      ['message.status', 'sent'],
      ['message.status', 'delivered'],
      ['message.status', 'read'],
    ])
    const log = await until(
      () => deliveries(status.id),
      all => all.every((each: Json) => each.status === 'delivered'),
    )
    expect(log.map(each => each.event_id)).toEqual(got.map(each => each.body.id).reverse())
    await acme.delete(`/v1/instances/${second.body.id}`)
  })

  it('is each of the six events of the reference, and validates against its JSON Schema in the catalogue', async () => {
    const six = [
      'message.received',
      'message.status',
      'message.reaction',
      'message.read',
      'connection.update',
      'qr.updated',
    ]
    const hook = await create({ events: six })
    await say('react to me')
    const [inbound] = await arrived(1)
    const { body: sent } = await acme.post(`/v1/instances/${instanceId}/messages`, {
      chat_id: CONTACT,
      type: 'text',
      content: { text: 'read me' },
    })
    await acme.post(`/v1/instances/${instanceId}/sandbox/reactions`, {
      contact: CONTACT,
      message_id: sent.id,
      emoji: '👍',
    })
    await acme.post(`/v1/instances/${instanceId}/disconnect`)
    await acme.post(`/v1/instances/${instanceId}/connect`)
    const fresh = await acme.post('/v1/instances', { name: 'fresh', sandbox: true })
    await acme.post(hooks(fresh.body.id), { url: receiver.url, events: six })
    await acme.post(`/v1/instances/${fresh.body.id}/connect`)
    const got = await until(
      () => new Map(receiver.got.map(each => [each.body.event, each.body])),
      seen => six.every(event => seen.has(event)),
    )
    expect(inbound!.body.event).toBe('message.received')
    const { body: catalogue } = await acme.get('/v1/events/catalogue')
    const { default: Ajv } = (await import('ajv/dist/2020.js')) as Json
    const ajv = new Ajv({ strict: false, validateFormats: false })
    for (const { event, schema } of catalogue.data) {
      if (!got.has(event)) continue
      expect(ajv.validate(schema, got.get(event).data), `${event}: ${JSON.stringify(ajv.errors)}`).toBe(true)
      expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(Object.keys(got.get(event).data)))
    }
    expect(hook.events).toEqual(six)
    await acme.delete(`/v1/instances/${fresh.body.id}`)
  })

  it('arrives in the order of the events of a chat', async () => {
    await create({ events: ['message.received'] })
    const chats = ['5511900000021', '5511900000022', '5511900000023']
    receiver.answer((_, response) => void setTimeout(() => response.writeHead(200).end(), Math.random() * 20))
    for (let i = 0; i < 10; i++) for (const chat of chats) await say(`${i}`, chat)
    const got = await arrived(30)
    for (const chat of chats) {
      const texts = got.filter(each => each.body.data.chat_id.startsWith(chat)).map(each => each.body.data.content.text)
      expect(texts).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`))
    }
  })
})
