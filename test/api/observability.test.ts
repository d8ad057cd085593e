import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { rollUpMessagesDue } from '../../src/resolvers/observability/rollUpMessagesDue.ts'
import { rollupsAmiss } from '../chaos/books.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

let wataki: TestApp
let acme: Caller
let bot: string
let receiver: Receiver
beforeAll(async () => {
  receiver = await openReceiver()
  wataki = await openTestApp({ ...RECEIVABLE, WEBHOOK_RETRY_BASE_MS: '1' })
  acme = await wataki.tenant()
  bot = await connectedInstance(acme, 'bot')
}, 120_000)
afterAll(async () => {
  await wataki?.close()
  await receiver?.close()
})

const READS = '5511900000001'
const DELIVERS = '5511900000003'
const REFUSED = '5511900000004'
const ROUTES = ['overview', 'messages', 'webhooks', 'api-usage', 'instances', 'errors']
const NO_MESSAGES = { sent: 0, delivered: 0, read: 0, failed: 0, received: 0 }

const report = async (path: string, caller = acme): Promise<Json> => {
  const { status, body } = await caller.get(`/v1/observability/${path}`)
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body
}
const rows = (text: string, params: unknown[] = []): Promise<Json[]> => wataki.app.db.sql.query(text, params)
const sum = (series: Json[], name: string): number => series.reduce((total, point) => total + point[name], 0)

async function send(to: string, instance = bot): Promise<string> {
  const message = { chat_id: to, type: 'text', content: { text: 'words' } }
  return (await acme.post(`/v1/instances/${instance}/messages`, message)).body.id
}
const settled = (id: string, status: string) =>
  until(
    () => acme.get(`/v1/instances/${bot}/messages/${id}`),
    ({ body }) => body.status === status,
  )
const say = (text: string) =>
  acme.post(`/v1/instances/${bot}/sandbox/messages`, { from: '5511988887777', type: 'text', content: { text } })

describe('GET /v1/observability/messages', () => {
  it('counts what reached each state, at once and as the rows say, and the same after it is rolled up', async () => {
    const other = (await acme.post('/v1/instances', { name: 'idle' })).body.id
    const before = (await report('messages')).totals
    const ids = await Promise.all([READS, READS, DELIVERS, REFUSED].map(to => send(to)))
    await Promise.all([say('one'), say('two'), say('three')])
    await Promise.all(ids.map((id, i) => settled(id, ['read', 'read', 'delivered', 'failed'][i]!)))
    await until(
      () => report('messages'),
      ({ totals }) => totals.received === before.received + 3,
    )
    const expected = { sent: 3, delivered: 3, read: 2, failed: 1, received: 3 }
    for (const when of ['before', 'after']) {
      const { totals, series, bucket } = await report(`messages?instance_id=${bot}`)
      expect(totals, `${when} it is rolled up`).toEqual(expected)
      for (const name in expected) expect(sum(series, name)).toBe(totals[name])
      expect([bucket, series.length]).toEqual([
        'hour',
        expect.toSatisfy((count: number) => count === 24 || count === 25),
      ])
      expect((await report('messages')).totals).toEqual(expected)
      expect((await report(`messages?instance_id=${other}`)).totals).toEqual(NO_MESSAGES)
      await rollUpMessagesDue(wataki.app)
    }
    expect(await rollupsAmiss(wataki.app.db.sql)).toEqual([])
    const [byRow] = await rows(
      `select count(*) filter (where direction = 'outbound' and status in ('sent', 'delivered', 'read'))::int as sent,
         count(*) filter (where direction = 'inbound')::int as received from message where tenant_id = $1`,
      [acme.tenantId],
    )
    expect(byRow).toEqual({ sent: 3, received: 3 })
  })

  it('takes instants with any offset, in the query string as they are, and the same one gives the same answer', async () => {
    const hour = (offset: string) => `2026-03-29T0${offset}&until=2026-03-29T23:00:00Z`
    const spellings = [
      '1:00:00Z',
      '3:00:00+02:00',
      '3:00:00%2B02:00',
      '3:00:00+0200',
      '3:00:00.000+02',
      '6:30:00+05:30',
    ]
    const answers = await Promise.all(spellings.map(spelling => report(`messages?since=${hour(spelling)}`)))
    for (const answer of answers) expect(answer).toEqual(answers[0])
    expect(answers[0]).toMatchObject({ since: '2026-03-29T01:00:00.000Z', until: '2026-03-29T23:00:00.000Z' })
    expect(answers[0].series).toHaveLength(22)
    expect(answers[0].series[0]).toEqual({ at: '2026-03-29T01:00:00.000Z', ...NO_MESSAGES })
    const { details } = (await acme.get('/v1/observability/messages?since=2026-03-29T01:00:00')).body.error
    expect(details).toEqual({ since: expect.stringContaining('offset') })
  })

  it('refuses more than 400 buckets and a time that ends before it begins, by the name of the field', async () => {
    for (const [query, field] of [
      ['since=2026-01-01T00:00:00Z&until=2026-02-01T00:00:00Z&bucket=hour', 'bucket'],
      ['since=2020-01-01T00:00:00Z&until=2026-01-01T00:00:00Z', 'since'],
      ['since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z', 'until'],
      ['bucket=week', 'bucket'],
      ['since=yesterday', 'since'],
    ]) {
      for (const route of ROUTES) {
        const { status, body } = await acme.get(`/v1/observability/${route}?${query}`)
        expect([status, Object.keys(body.error.details)], `${route} ${query}`).toEqual([400, [field]])
      }
    }
    const { series } = await report('messages?since=2026-01-01T00:00:00Z&until=2026-01-17T16:00:00Z&bucket=hour')
    expect(series).toHaveLength(400)
  })

  it('says 404 to the instance of another, as to one that is not there', async () => {
    const stranger = await wataki.tenant()
    const [foreign, missing] = await Promise.all(
      [bot, 'inst_01m84k41q5bzehev0j4g4kfb1t'].map(id => stranger.get(`/v1/observability/messages?instance_id=${id}`)),
    )
    expect([foreign!.status, foreign!.body]).toEqual([404, missing!.body])
  })
})

describe('GET /v1/observability/webhooks', () => {
  it('counts what was taken, tried again and given up, as the rows say, and shows what failed last', async () => {
    const path = `/v1/instances/${bot}/webhooks`
    const hook = (await acme.post(path, { url: receiver.url, events: ['message.received'] })).body
    const ended = (count: number) =>
      until(
        () => rows(`select 1 from webhook_delivery where webhook_id = $1 and status <> 'pending'`, [hook.id]),
        found => found.length === count,
      )
    await say('taken')
    await ended(1)
    receiver.answer(500)
    await say('refused')
    await ended(2)
    const { totals, series, recent_failures: failures } = await report('webhooks')
    expect(totals).toEqual({ delivered: 1, failed: 1, retried: 3 })
    for (const name in totals) expect(sum(series, name)).toBe(totals[name])
    expect(failures).toEqual([
      {
        delivery_id: expect.stringMatching(/^del_/),
        webhook_id: hook.id,
        instance_id: bot,
        event_id: expect.stringMatching(/^evt_/),
        url: receiver.url,
        status_code: 500,
        error: 'answered 500',
        attempts: 4,
        at: expect.stringMatching(/Z$/),
      },
    ])
    const webhooks = { delivered: 1, failed: 1, pending: 0, success_rate: 0.5 }
    expect((await report('overview')).webhooks).toEqual(webhooks)
    receiver.answer(200)
    await acme.post(`/v1/instances/${bot}/deliveries/${failures[0].delivery_id}/replay`)
    expect((await report('webhooks')).totals).toEqual({ delivered: 2, failed: 1, retried: 3 })
    expect((await report('webhooks')).recent_failures).toEqual([])
    await acme.delete(`${path}/${hook.id}`)
    expect((await report('webhooks')).totals).toEqual({ delivered: 2, failed: 1, retried: 3 })
  })
})

describe('GET /v1/observability/api-usage', () => {
  it('counts each request with a key by its route, also those that were refused, and how long they took', async () => {
    const caller = await wataki.tenant()
    for (let i = 0; i < 3; i++) await caller.get('/v1/instances')
    await caller.get('/v1/instances/inst_none')
    await caller.get('/v1/nowhere')
    await caller.post('/v1/instances', { nom: 'x' })
    await caller.graphql('{ instances { data { id } } }')
    await caller.graphql('{ instance(instanceId: "inst_none") { id } }')
    await caller.graphql('{ nothing }')
    const usage = await until(
      () => report('api-usage', caller),
      ({ by_route: routes }) => sum(routes, 'requests') >= 9,
    )
    const counts = Object.fromEntries(
      usage.by_route
        .filter(({ route }: Json) => !String(route).includes('observability'))
        .map(({ method, route, requests, errors }: Json) => [`${method} ${route}`, [requests, errors]]),
    )
    expect(counts).toEqual({
      'GET /v1/instances': [3, 0],
      'POST /v1/instances': [1, 1],
      'GET /v1/instances/{instance_id}': [1, 1],
      'GET null': [1, 1],
      'POST /graphql': [3, 2],
    })
    expect(usage.totals.requests).toBe(sum(usage.by_route, 'requests'))
    expect(sum(usage.series, 'requests')).toBe(usage.totals.requests)
    expect(usage.totals.p50_ms).toBeGreaterThan(0)
    expect(usage.totals.p95_ms).toBeGreaterThanOrEqual(usage.totals.p50_ms)
    expect(usage.series[0]).toEqual({ at: expect.any(String), requests: 0, errors: 0, p50_ms: 0, p95_ms: 0 })
  })

  it('holds what was refused because the allowance was used up', async () => {
    const small = await openTestApp({ RATE_LIMIT_PER_MINUTE: '2', SANDBOX: 'off' })
    try {
      const caller = await small.tenant()
      const statuses = []
      for (let i = 0; i < 5; i++) statuses.push((await caller.get('/v1/instances')).status)
      expect(statuses).toEqual([200, 200, 429, 429, 429])
      await small.restart({ RATE_LIMIT_PER_MINUTE: '1000' })
      const { by_category: counts, recent } = await report('errors', caller)
      expect([counts.api, recent.map(({ code }: Json) => code)]).toEqual([3, Array(3).fill('rate_limited')])
    } finally {
      await small.close()
    }
  })
})

describe('GET /v1/observability/instances', () => {
  it('says of each instance how it has done', async () => {
    const caller = await wataki.tenant()
    const linked = await connectedInstance(caller, 'linked')
    await caller.post('/v1/instances', { name: 'never linked' })
    const connected = async () => (await caller.get(`/v1/instances/${linked}/status`)).body.state === 'connected'
    await caller.post(`/v1/instances/${linked}/sandbox/faults`, { kind: 'drop' })
    await until(
      () => report('instances', caller),
      ({ data }) => data[1].reconnects === 1,
    )
    await until(connected, is => is)
    const { data } = await report('instances', caller)
    expect(data).toEqual([
      {
        ...{ id: expect.any(String), name: 'never linked', state: 'disconnected', uptime_ratio: 0 },
        ...{ reconnects: 0, last_error: null, sent: 0, received: 0, failed: 0 },
      },
      {
        ...{ id: linked, name: 'linked', state: 'connected', uptime_ratio: expect.any(Number) },
        ...{ reconnects: 1, last_error: null, sent: 0, received: 0, failed: 0 },
      },
    ])
    expect(data[1].uptime_ratio).toBeGreaterThan(0)
    expect(data[1].uptime_ratio).toBeLessThan(1)
    const { instances } = await report('overview', caller)
    expect(instances).toMatchObject({ total: 2, connected: 1, disconnected: 1, qr_required: 0 })
    const { by_category: counts, recent } = await report('errors', caller)
    expect(counts.connections).toBeGreaterThanOrEqual(1)
    expect(recent).toContainEqual(expect.objectContaining({ category: 'connections', instance_id: linked }))
  })
})

describe('GET /v1/observability/errors', () => {
  it('counts what went wrong by category, and tells the newest first', async () => {
    const before = (await report('errors')).by_category
    const failed = await send(REFUSED)
    await settled(failed, 'failed')
    await acme.get('/v1/instances/inst_none')
    const { by_category: counts, recent } = await until(
      () => report('errors'),
      ({ by_category: now }) => now.api > before.api,
    )
    expect(counts).toMatchObject({ api: before.api + 1, messages: before.messages + 1 })
    expect(recent.slice(0, 2)).toEqual([
      { at: expect.any(String), category: 'api', code: 'not_found', message: 'instance not found', instance_id: null },
      expect.objectContaining({ category: 'messages', code: 'not_on_whatsapp', instance_id: bot }),
    ])
    const times = recent.map(({ at }: Json) => at)
    expect(times).toEqual([...times].sort().reverse())
    const [{ failed: byRow }] = await rows(
      `select count(*)::int as failed from message where tenant_id = $1 and status = 'failed'`,
      [acme.tenantId],
    )
    expect(counts.messages).toBe(byRow)
  })
})

describe('all six answers', () => {
  it('tell a tenant nothing of another', async () => {
    const stranger = await wataki.tenant()
    for (const route of ROUTES) {
      const text = JSON.stringify(await report(route, stranger))
      for (const secret of [bot, acme.tenantId, receiver.url]) expect(text, route).not.toContain(secret)
    }
    expect((await report('messages', stranger)).totals).toEqual(NO_MESSAGES)
    expect((await report('webhooks', stranger)).totals).toEqual({ delivered: 0, failed: 0, retried: 0 })
    expect((await report('instances', stranger)).data).toEqual([])
    expect((await report('errors', stranger)).recent).toEqual([])
  })

  it('are the same after a restart', async () => {
    const told = async () => [(await report('messages')).totals, (await report('webhooks')).totals]
    const before = await told()
    const { requests } = (await report('api-usage')).totals
    await wataki.restart()
    expect(await told()).toEqual(before)
    expect((await report('api-usage')).totals.requests).toBeGreaterThanOrEqual(requests + 3)
  }, 120_000)
})
