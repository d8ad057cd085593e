import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { lockMessage, updateStatus } from '../../src/db/queries/messages.ts'
import { messageRead } from '../../src/events/catalogue.ts'
import { record } from '../../src/events/record.ts'
import { newId } from '../../src/ids.ts'
import { dispatchPending } from '../../src/resolvers/messages/dispatchPending.ts'
import { storedMessage } from '../../src/resolvers/messages/stored.ts'
import { stepText } from '../../src/resolvers/messages/trail.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

/** Delivers and reads. */
const CONTACT = '5511900000001'
/** Its receipts take 30 s. */
const SLOW = '5511900000006'

let wataki: TestApp
let acme: Caller
let bot: string
let path: string
let receiver: Receiver
beforeAll(async () => {
  wataki = await openTestApp({ ...RECEIVABLE, WEBHOOK_RETRY_BASE_MS: '20' })
  acme = await wataki.tenant()
  bot = await connectedInstance(acme)
  path = `/v1/instances/${bot}`
}, 60_000)
afterAll(() => wataki.close())
beforeEach(async () => {
  receiver = await openReceiver()
})
afterEach(async () => {
  for (const { id } of (await acme.get(`${path}/webhooks`)).body.data) await acme.delete(`${path}/webhooks/${id}`)
  await receiver.close()
})

const sql = <Row extends object>(text: string, params: unknown[] = []) => wataki.app.db.sql.query<Row>(text, params)
const send = async (chatId: string, text = 'words'): Promise<Json> =>
  (await acme.post(`${path}/messages`, { chat_id: chatId, type: 'text', content: { text } })).body
const timeline = async (id: string): Promise<Json> => {
  const { status, body } = await acme.get(`${path}/messages/${id}/timeline`)
  expect(status).toBe(200)
  return body
}
const kindsOf = ({ data }: Json): string[] => data.map((entry: Json) => entry.kind)
const steps = (of: Json): string[] => kindsOf(of).filter(kind => kind !== 'webhook_attempt')
const attemptsIn = ({ data }: Json): Json[] => data.filter((entry: Json) => entry.kind === 'webhook_attempt')
const when = (id: string, accept: (of: Json) => boolean): Promise<Json> => until(() => timeline(id), accept)
const hook = async (events: string[]): Promise<Json> =>
  (await acme.post(`${path}/webhooks`, { url: receiver.url, events })).body

describe('the timeline of a sent message', () => {
  it('tells each step with its time and its node, and each request to a webhook with what came of it', async () => {
    receiver.answer((_, response) => response.writeHead(receiver.got.length === 1 ? 503 : 200).end())
    const { id: webhookId } = await hook(['message.status'])
    const { id } = await send(CONTACT)
    const told = await when(id, of => steps(of).includes('read') && attemptsIn(of).length === 4)
    const [row] = await sql<Json>('select whatsapp_id from message where id = $1', [id])
    expect(told).toMatchObject({
      message_id: id,
      whatsapp_id: row.whatsapp_id,
      dispatches: 1,
      receipts: null,
      cut: false,
    })
    expect(steps(told)).toEqual(['accepted', 'dispatched', 'sent', 'delivered', 'read'])
    expect(new Set(told.data.map((entry: Json) => entry.node))).toEqual(new Set([wataki.app.node.id]))
    for (const { at } of told.data) expect(at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    const deliveries = (await acme.get(`${path}/webhooks/${webhookId}/deliveries`)).body.data.reverse()
    const attempts = attemptsIn(told).map(entry => entry.webhook)
    expect(new Set(attempts.map(each => each.delivery_id))).toEqual(new Set(deliveries.map((each: Json) => each.id)))
    const [failed] = attempts
    expect(failed).toEqual({
      webhook_id: webhookId,
      delivery_id: deliveries[0].id,
      event_id: deliveries[0].event_id,
      event: 'message.status',
      status_code: 503,
      error: 'answered 503',
      duration_ms: expect.any(Number),
    })
    const again = attempts.filter(each => each.delivery_id === failed.delivery_id)
    expect(again.map(each => each.status_code)).toEqual([503, 200])
    expect(attempts.filter(each => each.error === null)).toHaveLength(3)
  })

  it('is in the order of time, and what happened in one millisecond in the order of cause', async () => {
    const { id } = await send(CONTACT)
    await when(id, of => steps(of).includes('read'))
    const node = wataki.app.node.id
    const at = new Date('2026-03-01T12:00:00.000Z')
    const early = new Date(at.getTime() - 1)
    const written = [
      { kind: 'sent', at },
      { kind: 'dispatched', at },
      { kind: 'accepted', at },
      { kind: 'failed', at: early },
    ] as const
    const trail = written.map(step => stepText({ ...step, node })).join('')
    await sql('update message set trail = $2 where id = $1', [id, trail])
    await sql('delete from event where about = $1', [id])
    expect(kindsOf(await timeline(id))).toEqual(['failed', 'accepted', 'dispatched', 'sent'])
  })

  it('is the same in GraphQL', async () => {
    await hook(['message.status'])
    const { id } = await send(CONTACT)
    const rest = await when(id, of => steps(of).includes('read') && attemptsIn(of).length === 3)
    const { data } = await acme.graphql(
      `query ($i: ID!, $m: ID!) { messageTimeline(instanceId: $i, messageId: $m) { whatsappId dispatches cut
         data { kind at node webhook { deliveryId event statusCode durationMs } } } }`,
      { i: bot, m: id },
    )
    expect(data.messageTimeline).toMatchObject({ whatsappId: rest.whatsapp_id, dispatches: 1, cut: false })
    expect(data.messageTimeline.data.map((entry: Json) => [entry.kind, entry.at, entry.node])).toEqual(
      rest.data.map((entry: Json) => [entry.kind, entry.at, entry.node]),
    )
    const event = data.messageTimeline.data.find((entry: Json) => entry.webhook)?.webhook.event
    expect(event).toBe('message_status')
  })

  it('shows each dispatch, when the connection broke before the ack', async () => {
    const sandbox = wataki.app.sandbox!
    await sandbox.fault(bot, { kind: 'hold_acks' })
    const { id, status } = await send(SLOW)
    expect(status).toBe('pending')
    await sandbox.fault(bot, { kind: 'drop' })
    await sandbox.fault(bot, { kind: 'release_acks' })
    const told = await when(id, of => steps(of).includes('sent'))
    expect(steps(told)).toEqual(['accepted', 'dispatched', 'dispatched', 'sent'])
    expect(told.dispatches).toBe(2)
  })

  it('says why it failed, and that it was given back before', async () => {
    await wataki.app.sandbox!.fault(bot, { kind: 'hold_acks' })
    const { id } = await send(SLOW)
    await sql(`update message set payload = 'nonsense', next_attempt_at = now() where id = $1`, [id])
    wataki.app.lanes.of(bot).landed(id)
    const tried = async () => {
      await sql(`update message set next_attempt_at = now() where id = $1 and status = 'pending'`, [id])
      await dispatchPending(wataki.app, bot)
      return timeline(id)
    }
    const told = await until(tried, of => steps(of).includes('failed'), 50_000)
    await wataki.app.sandbox!.fault(bot, { kind: 'release_acks' })
    expect(steps(told).slice(0, 4)).toEqual(['accepted', 'dispatched', 'dispatched', 'postponed'])
    const { error } = (await acme.get(`${path}/messages/${id}`)).body
    expect(told.data.at(-1)).toMatchObject({ kind: 'failed', error })
    expect(error.code).toBe('not_sent')
  })
})

describe('the timeline of a received message', () => {
  it('tells when it came, when it was stored, and of its webhooks', async () => {
    await hook(['message.received'])
    await acme.post(`${path}/sandbox/messages`, { from: CONTACT, type: 'text', content: { text: 'hello' } })
    const isIt = `direction = 'inbound' and content->>'text' = 'hello'`
    const [row] = await until(
      () => sql<Json>(`select id from message where instance_id = $1 and ${isIt}`, [bot]),
      rows => rows.length === 1,
    )
    const told = await when(row.id, of => attemptsIn(of).length === 1)
    expect(kindsOf(told)).toEqual(['received', 'stored', 'webhook_attempt'])
    expect(told).toMatchObject({ dispatches: 0, receipts: null })
    expect(new Set(told.data.map((entry: Json) => entry.node))).toEqual(new Set([wataki.app.node.id]))
  })
})

describe('the timeline of a message to a group', () => {
  it('tells the first of each state, how many people are so far, and who the first of them are', async () => {
    const members = ['5511966600041', '5511966600042', '5511966600043']
    const group = await wataki.app.sandbox!.group(bot, { subject: 'Team', participants: members })
    const { id } = await send(group.id)
    const told = await when(id, of => of.receipts.read === members.length)
    expect(steps(told)).toEqual(['accepted', 'dispatched', 'sent', 'delivered', 'read'])
    expect(told.receipts).toMatchObject({ delivered: 3, read: 3 })
    const readers = told.receipts.first.map((each: Json) => [each.reader, each.has_read])
    expect(readers.sort()).toEqual(members.map(each => [`${each}@s.whatsapp.net`, true]))
    await sql(
      `insert into receipt (message_id, instance_id, reader, status, at)
       select $1, $2, 'reader ' || n, 'delivered', now() from generate_series(1, 50) as n`,
      [id, bot],
    )
    const later = await timeline(id)
    expect(later.receipts).toMatchObject({ delivered: 53, read: 3 })
    expect(later.receipts.first).toHaveLength(20)
  })
})

describe('what a timeline leaves out', () => {
  it('are steps in the middle, beyond forty', async () => {
    const { id } = await send(CONTACT)
    await when(id, of => steps(of).includes('read'))
    const atMs = (n: number) => new Date(Date.UTC(2026, 0, 1) + n)
    await sql(`update message set trail = '' where id = $1`, [id])
    for (let n = 0; n < 60; n++) {
      const step = stepText({ kind: 'dispatched', at: atMs(n), node: wataki.app.node.id })
      await updateStatus(wataki.app.db.sql, { instanceId: bot, id, status: 'read', error: null, step })
    }
    const told = await timeline(id)
    expect(told.cut).toBe(true)
    const kept = told.data.filter((entry: Json) => entry.kind === 'dispatched').map((entry: Json) => entry.at)
    const all = Array.from({ length: 60 }, (_, n) => atMs(n).toISOString())
    expect(kept).toEqual([...all.slice(0, 19), ...all.slice(-21)])
  })

  it('are webhook attempts beyond two hundred: those of the earliest events are there', async () => {
    await hook(['message.read'])
    const { id } = await send(SLOW)
    const message = storedMessage((await lockMessage(wataki.app.db.sql, bot, id))!)
    for (let n = 0; n < 11; n++) {
      await record(wataki.app.db.sql, wataki.app.clock, {
        type: 'message.read',
        tenantId: acme.tenantId,
        instanceId: bot,
        about: id,
        data: messageRead(message, `reader ${n}`),
        subject: message,
      })
    }
    const attempt = {
      at: '2026-03-01T12:00:00.000Z',
      durationMs: 1,
      statusCode: 500,
      error: 'answered 500',
      response: null,
    }
    const tries = JSON.stringify(Array.from({ length: 20 }, () => attempt))
    await sql(`update webhook_delivery set tries = $2 where event_id in (select id from event where about = $1)`, [
      id,
      tries,
    ])
    const told = await timeline(id)
    expect(told.cut).toBe(true)
    expect(attemptsIn(told)).toHaveLength(200)
    const events = await sql<Json>(`select id from event where about = $1 and type = 'message.read' order by seq`, [id])
    expect(new Set(attemptsIn(told).map(each => each.webhook.event_id))).toEqual(
      new Set(events.slice(0, 10).map(each => each.id)),
    )
  })

  it('are the attempts of a webhook that is deleted, and of events that are gone', async () => {
    const { id: webhookId } = await hook(['message.status'])
    const { id } = await send(CONTACT)
    await when(id, of => attemptsIn(of).length === 3)
    // Its log goes after it, a long one in pieces.
    await sql('update webhook set deleted_at = now(), active = false where id = $1', [webhookId])
    expect(attemptsIn(await timeline(id))).toEqual([])
    await sql('delete from event where about = $1', [id])
    expect(steps(await timeline(id))).toEqual(['accepted', 'dispatched', 'sent', 'delivered', 'read'])
  })

  it('are nodes of a message from before trails: its row and its events tell the rest', async () => {
    const { id } = await send(CONTACT)
    await when(id, of => steps(of).includes('read'))
    await sql(`update message set trail = '' where id = $1`, [id])
    const told = await timeline(id)
    expect(kindsOf(told)).toEqual(['accepted', 'sent', 'delivered', 'read'])
    expect(told.data.map((entry: Json) => entry.node)).toEqual([null, null, null, null])
  })
})

describe('there is no timeline', () => {
  it('of another tenant, of nothing, or of what only does something to a message: the same 404', async () => {
    const { id } = await send(CONTACT)
    await when(id, of => steps(of).includes('read'))
    await acme.post(`${path}/messages/${id}/react`, { emoji: '🎉' })
    const [reaction] = await sql<Json>('select id from message where action_of = $1', [id])
    const missing = await acme.get(`${path}/messages/${newId('msg')}/timeline`)
    expect(missing.status).toBe(404)
    expect((await acme.get(`${path}/messages/${reaction.id}/timeline`)).body).toEqual(missing.body)
    const stranger = await wataki.tenant()
    const theirs = await stranger.get(`${path}/messages/${id}/timeline`)
    expect([theirs.status, theirs.body]).toEqual([404, missing.body])
  })
})
