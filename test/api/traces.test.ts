import { Writable } from 'node:stream'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'
import { type Node, type Traced, traced } from '../support/spans.ts'

/** Delivers and reads. */
const CONTACT = '5511900000001'
/** Its receipts take 30 s. */
const SLOW = '5511900000006'
const SECRET_WORDS = 'the words of a secret'
const POST = 'POST /v1/instances/{instance_id}/messages'

let spans: Traced
let wataki: TestApp
let acme: Caller
let bot: string
let path: string
let receiver: Receiver
let lines: string[] = []
const to = new Writable({
  write(chunk, _encoding, done) {
    lines.push(String(chunk))
    done()
  },
})
beforeAll(async () => {
  spans = traced()
  const log = createLog({ level: 'info', json: true, to })
  wataki = await openTestApp({ ...RECEIVABLE, WEBHOOK_RETRY_BASE_MS: '20' }, log)
  acme = await wataki.tenant()
  bot = await connectedInstance(acme)
  path = `/v1/instances/${bot}`
}, 60_000)
afterAll(async () => {
  await wataki?.close()
  await spans?.close()
})
beforeEach(async () => {
  lines = []
  receiver = await openReceiver()
})
afterEach(async () => {
  for (const { id } of (await acme.get(`${path}/webhooks`)).body.data) await acme.delete(`${path}/webhooks/${id}`)
  await receiver.close()
})

const sql = <Row extends object>(text: string, params: unknown[] = []) => wataki.app.db.sql.query<Row>(text, params)
const hook = async (events: string[]): Promise<Json> =>
  (await acme.post(`${path}/webhooks`, { url: `${receiver.url}?token=${'s3cret'.repeat(4)}`, events })).body
let traces = 0
/** A trace that a caller has begun. */
const begun = () => {
  const traceId = `${++traces}`.padStart(32, 'ab')
  return { traceId, spanId: 'cd'.repeat(8), headers: { traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` } }
}
const send = (chatId: string, headers: Record<string, string>): Promise<{ status: number; body: Json }> =>
  acme.post(`${path}/messages`, { chat_id: chatId, type: 'text', content: { text: SECRET_WORDS } }, headers)
const one = (nodes: Node[], name: string): Node => nodes.find(node => node.name === name)!
const treeOf = (nodes: Node[]): string[] => nodes.map(({ name, parent }) => `${parent} > ${name}`).sort()
const idsOf = (traceparent: string): string[] => traceparent.split('-').slice(1, 3)

describe('a message that is sent', () => {
  it('is one trace, from the request through queue, socket and receipts to the last webhook', async () => {
    const { traceId, spanId, headers } = begun()
    await hook(['message.created', 'message.status'])
    const { body } = await send(CONTACT, headers)
    const webhooks = Array.from({ length: 4 }, () => 'POST webhook')
    const receipts = ['message receipt', 'message receipt']
    const nodes = await spans.when(traceId, [POST, 'message send', ...receipts, ...webhooks])
    expect(treeOf(nodes)).toEqual(
      [
        `null > ${POST}`,
        `${POST} > message accept`,
        'message accept > message wait',
        'message accept > message send',
        'message accept > message receipt',
        'message accept > message receipt',
        'message accept > POST webhook',
        'message send > POST webhook',
        'message receipt > POST webhook',
        'message receipt > POST webhook',
      ].sort(),
    )
    expect(one(nodes, POST).span.parentSpanContext).toMatchObject({ spanId, isRemote: true })
    const kinds = [POST, 'message accept', 'message send', 'POST webhook'].map(name => one(nodes, name).span.kind)
    expect(kinds).toEqual([SpanKind.SERVER, SpanKind.PRODUCER, SpanKind.CLIENT, SpanKind.CLIENT])
    const sent = one(nodes, 'message send').span
    expect(sent.attributes).toEqual({
      'messaging.system': 'whatsapp',
      'messaging.message.id': body.id,
      'wataki.instance.id': bot,
      'wataki.node.id': wataki.app.node.id,
      'wataki.attempt': 1,
    })
    expect(one(nodes, POST).span.attributes).toMatchObject({
      'http.request.method': 'POST',
      'http.route': '/v1/instances/{instance_id}/messages',
      'http.response.status_code': 202,
      'wataki.tenant.id': acme.tenantId,
    })
  })

  it('tells receivers the traceparent of the very request, and each try is a span of its own', async () => {
    const { traceId, headers } = begun()
    await hook(['message.created'])
    receiver.answer((_, response) => response.writeHead(receiver.got.length === 1 ? 503 : 200).end())
    await send(SLOW, headers)
    const nodes = await spans.when(traceId, ['POST webhook', 'POST webhook'])
    const tries = nodes.filter(node => node.name === 'POST webhook')
    expect(tries.map(node => node.parent)).toEqual(['message accept', 'message accept'])
    const told = receiver.got.map(({ headers }) => idsOf(headers.traceparent as string))
    expect(told).toEqual(tries.map(({ span }) => [traceId, span.spanContext().spanId]))
    const facts = tries.map(({ span: { attributes, status } }) => [
      attributes['http.response.status_code'],
      attributes['http.request.resend_count'],
      attributes['error.type'],
      status.code,
    ])
    expect(facts).toEqual([
      [503, undefined, '503', SpanStatusCode.ERROR],
      [200, 1, undefined, SpanStatusCode.UNSET],
    ])
  })

  it('goes on in it when the connection breaks before the ack: the first try has failed, the second is answered', async () => {
    const { traceId, headers } = begun()
    const sandbox = wataki.app.sandbox!
    await sandbox.fault(bot, { kind: 'hold_acks' })
    await send(SLOW, headers)
    await sandbox.fault(bot, { kind: 'drop' })
    await sandbox.fault(bot, { kind: 'release_acks' })
    const nodes = await spans.when(traceId, ['message send', 'message send', 'message wait', 'message wait'])
    const tries = nodes.filter(node => node.name === 'message send').map(node => node.span)
    expect(tries.map(span => [span.attributes['wataki.attempt'], span.attributes['error.type']])).toEqual([
      [1, 'no_ack'],
      [2, undefined],
    ])
    expect(tries[0]!.events.map(event => event.name)).toEqual(['written'])
  })

  it('goes on in it after a restart, on a node that began with nothing', async () => {
    const { traceId, headers } = begun()
    await wataki.app.sandbox!.fault(bot, { kind: 'hold_acks' })
    await hook(['message.status'])
    const { body } = await send(SLOW, headers)
    expect(body.status).toBe('pending')
    const first = wataki.app.node.id
    await wataki.restart()
    const status = async () => (await acme.get(`${path}/messages/${body.id}`)).body.status
    await until(status, now => now === 'sent')
    await acme.post(`${path}/sandbox/receipts`, { contact: SLOW, message_id: body.id, status: 'read' })
    const nodes = await spans.when(traceId, ['POST webhook', 'POST webhook', 'message send', 'message send'])
    const tries = nodes.filter(node => node.name === 'message send')
    expect(tries.map(node => [node.parent, node.span.attributes['wataki.node.id']])).toEqual([
      ['message accept', first],
      ['message accept', wataki.app.node.id],
    ])
    const [, again] = tries
    const [sent, read] = nodes.filter(node => node.name === 'POST webhook')
    expect(sent!.span.parentSpanContext?.spanId).toBe(again!.span.spanContext().spanId)
    expect(read!.parent).toBe('message receipt')
    expect(one(nodes, 'message receipt').parent).toBe('message accept')
  })

  it('says why it failed, by its code', async () => {
    const { traceId, headers } = begun()
    await hook(['message.status'])
    await send('5511900000004', headers)
    const nodes = await spans.when(traceId, ['message send', 'POST webhook'])
    expect(one(nodes, 'POST webhook').parent).toBe('message send')
    const { attributes, status } = one(nodes, 'message send').span
    expect([attributes['error.type'], status.code]).toEqual(['not_on_whatsapp', SpanStatusCode.ERROR])
    // What WhatsApp itself refuses was written before.
    const refused = begun()
    await wataki.app.sandbox!.fault(bot, { kind: 'refuse_next', code: 463 })
    await send(SLOW, refused.headers)
    const sent = one(await spans.when(refused.traceId, ['message send', 'POST webhook']), 'message send').span
    expect([sent.attributes['error.type'], sent.events.map(event => event.name)]).toEqual([
      'recipient_restricted',
      ['written'],
    ])
  })

  it('and what is done to it are traces of their requests', async () => {
    const { body } = await send(CONTACT, begun().headers)
    const { traceId, headers } = begun()
    await acme.post(`${path}/messages/${body.id}/react`, { emoji: '🎉' }, headers)
    const nodes = await spans.when(traceId, ['message send'])
    expect(one(nodes, 'message send').parent).toBe('message accept')
    expect(one(nodes, 'message accept').parent).toBe('POST /v1/instances/{instance_id}/messages/{message_id}/react')
  })
})

describe('a message that is received', () => {
  it('begins a trace at the socket, which goes on to its webhooks', async () => {
    await hook(['message.received'])
    const { traceId, headers } = begun()
    const said = { from: CONTACT, type: 'text', content: { text: SECRET_WORDS } }
    await acme.post(`${path}/sandbox/messages`, said, headers)
    const [got] = await until(
      () => receiver.got,
      all => all.length === 1,
    )
    const [inbound] = idsOf(got!.headers.traceparent as string)
    expect(inbound).not.toBe(traceId)
    const nodes = await spans.when(inbound!, ['message receive', 'message store', 'POST webhook'])
    expect(treeOf(nodes)).toEqual([
      'message receive > message store',
      'message store > POST webhook',
      'null > message receive',
    ])
    expect(one(nodes, 'message receive').span.parentSpanContext).toBeUndefined()
  })
})

describe('what traces do not hold', () => {
  it('are texts, keys, URLs of receivers and numbers of phones', () => {
    const told = spans.all.map(({ name, attributes, events, status }) => ({ name, attributes, events, status }))
    const text = JSON.stringify(told)
    expect(told.length).toBeGreaterThan(50)
    for (const secret of [
      SECRET_WORDS,
      acme.apiKey,
      's3cret',
      '127.0.0.1',
      CONTACT,
      SLOW,
      '5511900000004',
      '@s.whatsapp.net',
    ])
      expect(text).not.toContain(secret)
  })

  it('are parts of other requests: what goes on for longer is nobody else’s', async () => {
    const { traceId, headers } = begun()
    await acme.post(`${path}/disconnect`, {}, headers)
    await acme.post(`${path}/connect`, {}, headers)
    await until(
      () => acme.get(`${path}/status`),
      answer => answer.body.state === 'connected',
    )
    const sent = begun()
    const { body } = await send(CONTACT, sent.headers)
    await until(
      () => acme.get(`${path}/messages/${body.id}`),
      answer => answer.body.status === 'read',
    )
    await spans.when(sent.traceId, ['message receipt', 'message receipt'])
    expect(treeOf(spans.of(traceId))).toEqual([
      'null > POST /v1/instances/{instance_id}/connect',
      'null > POST /v1/instances/{instance_id}/disconnect',
    ])
    const events = await sql<Json>(
      `select type, trace from event where type = 'connection.update' order by seq desc limit 1`,
    )
    expect(events).toEqual([{ type: 'connection.update', trace: null }])
    receiver.answer(410)
    await hook(['message.created'])
    await send(CONTACT, begun().headers)
    const disabled = () => sql<Json>(`select trace from event where type = 'webhook.disabled'`)
    expect(await until(disabled, rows => rows.length === 1)).toEqual([{ trace: null }])
  })
})

describe('a line of the log', () => {
  it('has the traceId of the request that it is about, and else none', async () => {
    const { traceId, headers } = begun()
    await send(SLOW, headers)
    const written = () => lines.map(line => JSON.parse(line)).filter(line => line.msg === 'request')
    const [request] = await until(written, all => all.length > 0)
    expect(request).toMatchObject({ route: '/v1/instances/{instance_id}/messages', traceId })
    expect(request.notLogged).toBeUndefined()
    wataki.app.log.info('about nothing')
    expect(JSON.parse(lines.at(-1)!)).not.toHaveProperty('traceId')
  })
})
