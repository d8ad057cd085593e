import { createServer } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { scrape } from '../support/exposition.ts'
import { admin, withDatabase } from '../support/global-setup.ts'
import { send } from '../support/nodes.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

/** Who may read the operator's figures, what they say while the database is away, and what never stands in them. */

const TOKEN = 'what Prometheus sends, and nobody else'
const OPERATOR_KEY = 'the key of who runs this one server here'
const SECRET_KEY = 'the secret key of this one server, all of it'
const PRODUCTION = { NODE_ENV: 'production', HOST: '127.0.0.1', SECRET_KEY, OPERATOR_KEY, SANDBOX: 'off' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

async function opened<T>(settings: Record<string, string>, work: (wataki: TestApp) => Promise<T>): Promise<T> {
  const wataki = await openTestApp(settings)
  try {
    return await work(wataki)
  } finally {
    await wataki.close()
  }
}

describe('/metrics on the port of the server', () => {
  it('is open outside production, as text that Prometheus reads, to GET and HEAD alone', () =>
    opened({ SANDBOX: 'off' }, async ({ url }) => {
      const answer = await scrape(`${url}/metrics`)
      expect([answer.status, answer.headers.get('content-type')]).toEqual([
        200,
        'text/plain; version=0.0.4; charset=utf-8',
      ])
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.samples.length).toBeGreaterThan(100)
      expect((await fetch(`${url}/metrics`, { method: 'HEAD' })).status).toBe(200)
      const refused = await send(`${url}/metrics`, { method: 'POST' })
      expect([refused.status, refused.headers.allow]).toEqual([405, 'GET, HEAD'])
      const document = JSON.stringify(((await (await fetch(`${url}/v1/openapi.json`)).json()) as Json).paths)
      expect(document).not.toContain('metrics')
      expect((await fetch(`${url}/v1/metrics`)).status).toBe(404)
    }))

  it('is a page that does not exist in production', () =>
    opened(PRODUCTION, async wataki => {
      const caller = await wataki.tenant()
      const nothing = await send(`${wataki.url}/nothing`)
      const keys: Record<string, string>[] = [{}, bearer(''), bearer(TOKEN), bearer(OPERATOR_KEY)]
      for (const headers of [...keys, { 'x-api-key': OPERATOR_KEY }]) {
        const answer = await send(`${wataki.url}/metrics`, { headers })
        expect([answer.status, answer.text]).toEqual([404, nothing.text])
      }
      expect((await caller.get('/metrics')).status).toBe(404)
      expect(wataki.metricsUrl).toBeNull()
    }))

  it('is for who sends the token, with METRICS_TOKEN', () =>
    opened({ ...PRODUCTION, METRICS_TOKEN: TOKEN }, async wataki => {
      const { apiKey } = await wataki.tenant()
      const at = `${wataki.url}/metrics`
      expect((await send(at, { headers: bearer(TOKEN) })).status).toBe(200)
      expect((await send(at, { headers: { authorization: `bearer  ${TOKEN}` } })).status).toBe(200)
      for (const headers of [
        {},
        bearer(''),
        bearer(TOKEN.slice(0, -1)),
        bearer(`${TOKEN}x`),
        bearer(TOKEN.toUpperCase()),
        bearer(OPERATOR_KEY),
        bearer(SECRET_KEY),
        bearer(apiKey),
        { authorization: TOKEN },
        { authorization: `Basic ${btoa(`prometheus:${TOKEN}`)}` },
        { 'x-api-key': TOKEN },
        { 'x-api-key': OPERATOR_KEY },
        { 'x-api-key': apiKey },
      ] as Record<string, string>[]) {
        const answer = await send(at, { headers })
        expect([answer.status, answer.headers['www-authenticate']], JSON.stringify(headers)).toEqual([401, 'Bearer'])
        expect(answer.body.error.code).toBe('unauthorized')
      }
      expect((await send(`${at}?token=${encodeURIComponent(TOKEN)}`)).status).toBe(401)
      // It opens nothing else.
      expect((await send(`${wataki.url}/v1/instances`, { headers: { 'x-api-key': TOKEN } })).status).toBe(401)
      expect((await send(`${wataki.url}/v1/observability/nodes`, { headers: { 'x-api-key': TOKEN } })).status).toBe(401)
    }))
})

describe('a port of its own', () => {
  it('tells the same to whoever reaches it, and nothing else; the port of the server tells nothing then', () =>
    opened({ ...PRODUCTION, METRICS_PORT: '0' }, async ({ url, metricsUrl }) => {
      expect(metricsUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
      const answer = await scrape(metricsUrl!)
      expect([answer.status, answer.value('wataki_database_up')]).toEqual([200, 1])
      expect((await send(`${url}/metrics`)).status).toBe(404)
      expect((await send(metricsUrl!, { method: 'POST' })).status).toBe(405)
      for (const path of ['/', '/healthz', '/v1/instances', '/graphql', '/metrics/x', '//metrics']) {
        expect((await send(new URL(metricsUrl!).origin + path)).status, path).toBe(404)
      }
    }))

  it('asks for the token when there is one', () =>
    opened({ SANDBOX: 'off', METRICS_PORT: '0', METRICS_TOKEN: TOKEN }, async ({ url, metricsUrl }) => {
      expect((await send(metricsUrl!)).status).toBe(401)
      expect((await send(metricsUrl!, { headers: bearer(`${TOKEN}x`) })).status).toBe(401)
      expect((await send(metricsUrl!, { headers: bearer(TOKEN) })).status).toBe(200)
      expect((await send(`${url}/metrics`, { headers: bearer(TOKEN) })).status).toBe(404)
    }))

  it('that somebody else has stops the start, by its name', async () => {
    const other = createServer()
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as { port: number }
    const failure = await openTestApp({ SANDBOX: 'off', METRICS_PORT: String(port) }).catch((error: Error) => error)
    expect(failure).toMatchObject({ name: 'ConfigError', message: expect.stringMatching(/^METRICS_PORT: /) })
    await new Promise(resolve => other.close(resolve))
  })
})

describe('while the database', () => {
  it('is away the figures of this process are told, those of the database are not, and all come back', () =>
    opened({ SANDBOX: 'off' }, async wataki => {
      const metrics = () => scrape(`${wataki.url}/metrics`)
      const [{ name }] = (await wataki.app.db.sql.query('select current_database() as name')) as [{ name: string }]
      const allow = (isAllowed: boolean) =>
        admin(inject('databaseAdminUrl'), `alter database ${name} with allow_connections ${isAllowed}`)
      expect((await metrics()).has('wataki_instances')).toBe(true)
      await allow(false)
      await admin(
        inject('databaseAdminUrl'),
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
      )
      const away = await until(metrics, now => now.value('wataki_database_up') === 0)
      for (const gauge of ['instances', 'nodes', 'outbox_messages', 'outbox_oldest_seconds', 'letters_pending']) {
        expect(away.has(`wataki_${gauge}`), gauge).toBe(false)
      }
      expect(away.value('wataki_http_requests_total', { route: '/metrics' })).toBeGreaterThan(0)
      const fenced = await until(metrics, now => now.value('wataki_node_fenced') === 1)
      expect(fenced.value('wataki_node_fences_total')).toBe(1)
      expect(fenced.value('wataki_node_beat_age_seconds')).toBeGreaterThan(5.5)
      await allow(true)
      const back = await until(
        metrics,
        now => now.value('wataki_database_up') === 1 && now.value('wataki_node_fenced') === 0,
      )
      expect(back.value('wataki_nodes', { state: 'active' })).toBe(1)
      expect(back.value('wataki_node_fences_total')).toBe(1)
    }))

  it('hangs a scrape does not, however many ask', () =>
    opened({ SANDBOX: 'off' }, async wataki => {
      const metrics = () => scrape(`${wataki.url}/metrics`)
      const [{ name }] = (await wataki.app.db.sql.query('select current_database() as name')) as [{ name: string }]
      const connectionString = withDatabase(inject('databaseAdminUrl'), name)
      // Within one transaction, who is active stays as it was when first asked: the locker cannot be asked.
      const [locker, watcher] = [new pg.Client({ connectionString }), new pg.Client({ connectionString })]
      await Promise.all([locker.connect(), watcher.connect()])
      const waiting = async () => {
        const { rows } = await watcher.query(
          `select 1 from pg_stat_activity where datname = $1 and wait_event_type = 'Lock' and query like 'with outbox%'`,
          [name],
        )
        return rows.length
      }
      try {
        await locker.query('begin')
        await locker.query('lock table mail in access exclusive mode')
        const scraped = Promise.all(Array.from({ length: 10 }, metrics))
        await until(waiting, count => count === 1)
        expect((await scraped).map(({ status }) => status)).toEqual(Array(10).fill(200))
        const late = await until(metrics, now => now.value('wataki_database_up') === 0)
        expect(late.has('wataki_instances')).toBe(false)
        expect(await waiting()).toBeLessThanOrEqual(1)
        // The server has ended it, long before it ends any other.
        await until(waiting, count => count === 0, 20_000)
      } finally {
        await locker.query('rollback')
        await Promise.all([locker.end(), watcher.end()])
      }
      await until(metrics, now => now.value('wataki_database_up') === 1)
    }))
})

describe('the series', () => {
  let wataki: TestApp
  let receiver: Receiver
  beforeAll(async () => {
    receiver = await openReceiver()
    wataki = await openTestApp({ ...RECEIVABLE, OPERATOR_KEY })
  })
  afterAll(async () => {
    await wataki?.close()
    await receiver?.close()
  })

  const secrets: string[] = []
  let round = 0

  /** A tenant with an instance, a webhook and messages both ways, and strangers with whatever they like. */
  async function live(): Promise<void> {
    const mark = `mark${++round}x${'yz'.repeat(round)}`
    const caller = await wataki.tenant(mark)
    const bot = await connectedInstance(caller, mark)
    const path = `/v1/instances/${bot}`
    const url = `${receiver.url}/${mark}`
    const hook = (await caller.post(`${path}/webhooks`, { url, events: ['message.received'] })).body.id
    const contact = `55119${String(88_000_000 + round)}`
    const taken = receiver.got.length + 1
    await caller.post(`${path}/sandbox/messages`, { from: contact, type: 'text', content: { text: mark } })
    await until(
      () => receiver.got.length,
      count => count >= taken,
    )
    const message = { chat_id: contact, type: 'text', content: { text: mark } }
    const { id } = (await caller.post(`${path}/messages`, message)).body
    await until(
      () => caller.get(`${path}/messages/${id}`),
      ({ body }) => body.status === 'read',
    )
    await hostile(caller, mark)
    secrets.push(mark, caller.tenantId, caller.apiKey, bot, hook, contact, id, receiver.url)
  }

  async function hostile(caller: Caller, mark: string): Promise<void> {
    for (const path of [`/${mark}`, `/v1/${mark}`, `/v1/instances/${mark}/${mark}`, `/metrics/${mark}`, `//${mark}`]) {
      await send(wataki.url + path, { headers: { 'x-api-key': caller.apiKey } })
    }
    await caller.get(`/v1/instances/${mark}`)
    await caller.get(`/v1/instances?${mark}=${mark}`)
    for (const method of ['PUT', 'PROPFIND', 'REPORT', 'M-SEARCH']) {
      await send(`${wataki.url}/v1/instances`, { method, headers: { 'x-api-key': caller.apiKey } })
    }
    await caller.graphql(`query ${mark} { ${mark}: me { id } }`)
    await caller.graphql(`{ ${mark} }`)
    await send(`${wataki.url}/v1/instances`, {
      headers: { 'x-api-key': mark, 'user-agent': mark, 'x-request-id': mark },
    })
  }

  const told = async () => {
    const { samples, text } = await scrape(`${wataki.url}/metrics`)
    const series = samples.flatMap(({ series }) => (series.startsWith('wataki_') ? series : []))
    return { text, series: series.sort() }
  }

  it('are as many for many tenants, instances, webhooks, contacts and hostile callers as for one', async () => {
    await live()
    // A scrape is counted once it has been answered.
    await told()
    const one = await until(told, ({ text }) => text.includes('route="/metrics",status="2xx"'))
    for (let i = 0; i < 4; i++) await live()
    const many = await until(told, ({ text }) => /route="unknown",status="4xx"\} [1-9]\d/.test(text))
    expect(many.series).toEqual(one.series)
    expect(many.series.length).toBeLessThan(1500)
    for (const secret of secrets) expect(many.text, secret).not.toContain(secret)
  }, 120_000)
})
