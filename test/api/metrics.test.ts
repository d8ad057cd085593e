import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readSharedFigures } from '../../src/db/queries/shared-figures.ts'
import { onMessage } from '../../src/resolvers/messages/onMessage.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { type Exposition, scrape } from '../support/exposition.ts'
import { send } from '../support/nodes.ts'
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
const metrics = () => scrape(`${wataki.url}/metrics`)

/** How much more there is of it than before. */
const since =
  (before: Exposition) =>
  (now: Exposition, name: string, labels: Record<string, string> = {}): number =>
    now.value(name, labels) - before.value(name, labels)

async function text(to: string, caller = acme, instance = bot): Promise<string> {
  const message = { chat_id: to, type: 'text', content: { text: 'words' } }
  return (await caller.post(`/v1/instances/${instance}/messages`, message)).body.id
}
const reaches = (id: string, status: string) =>
  until(
    () => acme.get(`/v1/instances/${bot}/messages/${id}`),
    ({ body }) => body.status === status,
  )
const say = (words: string, caller = acme, instance = bot) =>
  caller.post(`/v1/instances/${instance}/sandbox/messages`, {
    from: '5511988887777',
    type: 'text',
    content: { text: words },
  })
const fault = (kind: string) => acme.post(`/v1/instances/${bot}/sandbox/faults`, { kind })
const isConnected = () =>
  until(
    async () => (await acme.get(`/v1/instances/${bot}/status`)).body.state,
    state => state === 'connected',
  )
const hook = async (url: string, events: string[], caller = acme, instance = bot): Promise<string> =>
  (await caller.post(`/v1/instances/${instance}/webhooks`, { url, events })).body.id

/** Asks until what was counted since is so much. */
const counted = (before: Exposition, name: string, labels: Record<string, string>, amount: number) =>
  until(metrics, now => since(before)(now, name, labels) === amount)

describe('messages', () => {
  it('are counted as they come, each status once, with how long they took', async () => {
    const before = await metrics()
    const more = since(before)
    const ids = [await text(READS), await text(DELIVERS), await text(REFUSED)]
    await say('one')
    await say('two')
    await Promise.all(ids.map((id, i) => reaches(id, ['read', 'delivered', 'failed'][i]!)))
    const now = await counted(before, 'wataki_messages_total', { status: 'received' }, 2)
    const by = (status: string) => more(now, 'wataki_messages_total', { status, type: 'text' })
    expect(['accepted', 'sent', 'delivered', 'read', 'failed', 'received'].map(by)).toEqual([3, 2, 2, 1, 1, 2])
    expect(more(now, 'wataki_messages_total')).toBe(11)
    expect(more(now, 'wataki_message_failures_total')).toBe(1)
    expect(more(now, 'wataki_message_failures_total', { reason: 'not_on_whatsapp' })).toBe(1)
    expect(more(now, 'wataki_message_ack_seconds_count')).toBe(2)
    expect(more(now, 'wataki_message_ack_seconds_bucket', { le: '30' })).toBe(2)
    expect(more(now, 'wataki_message_ack_seconds_sum')).toBeGreaterThan(0)
    expect(more(now, 'wataki_message_write_seconds_count')).toBeGreaterThanOrEqual(2)
  })

  it('that skip a status, and those that the phone itself has sent, are counted in all that they have reached', async () => {
    const before = await metrics()
    await fault('hold_acks')
    const id = await text('5511900000006')
    const receipt = { contact: '5511900000006', message_id: id, status: 'read' }
    await acme.post(`/v1/instances/${bot}/sandbox/receipts`, receipt)
    await reaches(id, 'read')
    await fault('release_acks')
    const jid = '5511900000006@s.whatsapp.net'
    const address = { jid, lid: null, phone: jid }
    await onMessage(wataki.app, bot, {
      inboxKey: 'none',
      whatsappId: '3EB0AAAAAAAAAAAAAAAA',
      chat: address,
      sender: address,
      fromMe: true,
      pushName: null,
      timestamp: new Date(),
      raw: {},
      content: { type: 'location', latitude: 0, longitude: 0, name: null, address: null },
      quotedWhatsappId: null,
      mentions: [],
    })
    const now = await metrics()
    const by = (type: string) => (status: string) => since(before)(now, 'wataki_messages_total', { status, type })
    expect(['accepted', 'sent', 'delivered', 'read'].map(by('text'))).toEqual([1, 1, 1, 1])
    expect(['accepted', 'sent', 'delivered', 'read'].map(by('location'))).toEqual([0, 1, 0, 0])
    expect(since(before)(now, 'wataki_message_ack_seconds_count')).toBe(1)
  })

  it('that wait are told with the age of the oldest, apart from those whose instance is not connected', async () => {
    const caller = await wataki.tenant()
    const idle = (await caller.post('/v1/instances', { name: 'idle' })).body.id
    const { id } = (await wataki.app.db.sql.query<{ id: string }>('select id from message limit 1'))[0]!
    await wataki.app.db.sql.query(
      `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content,
         timestamp, created_at, expires_at)
       select 'msg_left', $1, $2, 'X', chat, sender, 'outbound', type, 'pending', content, timestamp,
         clock_timestamp() - interval '1 hour', clock_timestamp() + interval '1 hour' from message where id = $3`,
      [caller.tenantId, idle, id],
    )
    const now = await until(metrics, now => now.value('wataki_outbox_messages', { connected: 'false' }) === 1)
    const age = now.value('wataki_outbox_oldest_seconds', { connected: 'false' })
    expect(age).toBeGreaterThanOrEqual(3600)
    expect(age).toBeLessThan(7200)
    expect(now.value('wataki_outbox_oldest_seconds', { connected: 'true' })).toBe(0)
    await wataki.app.db.sql.query(`delete from message where id = 'msg_left'`)
  })

  it('with files are counted in bytes', async () => {
    const before = await metrics()
    const body = new FormData()
    body.set('file', new Blob(['just twenty-two bytes.']), 'a.txt')
    const headers = { 'x-api-key': acme.apiKey }
    const uploaded = await fetch(`${wataki.url}/v1/instances/${bot}/media`, { method: 'POST', headers, body })
    const { id: mediaId } = (await uploaded.json()) as { id: string }
    const content = { media: { media_id: mediaId } }
    const sent = await acme.post(`/v1/instances/${bot}/messages`, { chat_id: READS, type: 'document', content })
    await reaches(sent.body.id, 'read')
    const now = await metrics()
    for (const way of ['uploaded', 'sent']) {
      expect(since(before)(now, 'wataki_media_bytes_total', { way }), way).toBe(22)
    }
    expect(since(before)(now, 'wataki_messages_total', { status: 'read', type: 'document' })).toBe(1)
  })
})

describe('webhooks', () => {
  it('are counted by what their receivers answer, with how old an event was that one took', async () => {
    const before = await metrics()
    const more = since(before)
    let answers = 0
    receiver.answer((_, response) => response.writeHead(answers++ === 0 ? 503 : 204).end())
    const id = await hook(receiver.url, ['message.received'])
    await say('hook')
    const now = await counted(before, 'wataki_webhook_attempts_total', { outcome: '2xx' }, 1)
    expect(receiver.got).toHaveLength(2)
    expect(more(now, 'wataki_webhook_attempts_total')).toBe(2)
    expect(more(now, 'wataki_webhook_attempts_total', { outcome: '5xx' })).toBe(1)
    expect(more(now, 'wataki_webhook_delivery_seconds_count')).toBe(1)
    // Sent again by hand: another try, and no late one.
    const path = `/v1/instances/${bot}/webhooks/${id}`
    const delivered = await until(
      async () => (await acme.get(`${path}/deliveries`)).body.data[0],
      ({ status }) => status === 'delivered',
    )
    await acme.post(`/v1/instances/${bot}/deliveries/${delivered.id}/replay`)
    const replayed = await counted(before, 'wataki_webhook_attempts_total', { outcome: '2xx' }, 2)
    expect(more(replayed, 'wataki_webhook_delivery_seconds_count')).toBe(1)
    await acme.delete(path)
    receiver.answer(200)
  })

  it('whose receiver is not there or says that it is gone are told apart, and what waits is told', async () => {
    const before = await metrics()
    const dead = await hook('http://127.0.0.1:9/hook', ['message.received'])
    await say('nobody')
    const now = await counted(before, 'wataki_webhook_attempts_total', { outcome: 'connection' }, 4)
    expect(since(before)(now, 'wataki_webhook_delivery_seconds_count')).toBe(0)
    await acme.delete(`/v1/instances/${bot}/webhooks/${dead}`)
    receiver.answer(410)
    const gone = await hook(receiver.url, ['message.received'])
    await say('gone')
    await counted(before, 'wataki_webhooks_disabled_total', { reason: 'gone' }, 1)
    await acme.delete(`/v1/instances/${bot}/webhooks/${gone}`)
    receiver.answer(200)
    await wataki.restart({ WEBHOOK_RETRY_BASE_MS: '3600000' })
    await isConnected()
    const again = await hook('http://127.0.0.1:9/hook', ['message.received'])
    await say('later')
    const waits = await until(metrics, now => now.value('wataki_webhook_deliveries_pending') === 1)
    expect(waits.value('wataki_webhook_deliveries_oldest_seconds')).toBeGreaterThan(0)
    await acme.delete(`/v1/instances/${bot}/webhooks/${again}`)
    await until(metrics, now => now.value('wataki_webhook_deliveries_pending') === 0)
  }, 120_000)

  it('that wait are as old as they are; what is sent again is so since then, before and after it is tried', async () => {
    await wataki.restart({ WEBHOOK_RETRY_BASE_MS: '3600000' })
    await isConnected()
    const id = await hook('http://127.0.0.1:9/hook', ['message.received'])
    await say('yesterday')
    const { sql } = wataki.app.db
    const tried = (times: number) =>
      until(
        () =>
          sql.query<Json>('select id, jsonb_array_length(tries) as tries from webhook_delivery where webhook_id = $1', [
            id,
          ]),
        rows => rows[0]?.tries === times,
      )
    const [delivery] = await tried(1)
    await sql.query(
      `update webhook_delivery set created_at = created_at - interval '1 day',
         tries = jsonb_set(tries, '{0,at}', to_jsonb(created_at - interval '1 day')) where webhook_id = $1`,
      [id],
    )
    const ageOf = async () => (await readSharedFigures(sql)).deliveries.oldestSeconds
    expect(await ageOf()).toBeGreaterThanOrEqual(86_400)
    // Nobody delivers to what somebody else has claimed.
    const claim = `update webhook set claimed_by = $2, claimed_until = now() + $3::interval where id = $1`
    await sql.query(claim, [id, 'somebody else', '1 hour'])
    await acme.post(`/v1/instances/${bot}/deliveries/${delivery!.id}/replay`)
    await tried(1)
    expect(await ageOf()).toBeLessThan(3_600)
    await sql.query(claim, [id, 'somebody else', '0'])
    await tried(2)
    expect(await ageOf()).toBeLessThan(3_600)
    await acme.delete(`/v1/instances/${bot}/webhooks/${id}`)
  }, 120_000)
})

describe('instances', () => {
  it('are told by state, and sockets by what they hear', async () => {
    await acme.post('/v1/instances', { name: 'never linked' })
    const now = await until(metrics, now => now.value('wataki_instances', { state: 'disconnected' }) > 0)
    expect(now.value('wataki_instances', { state: 'connected' })).toBe(1)
    expect([now.value('wataki_sessions'), now.value('wataki_sockets_open'), now.value('wataki_sockets_deaf')]).toEqual([
      1, 1, 0,
    ])
    const quiet = await until(metrics, now => now.value('wataki_socket_silence_max_seconds') > 0.3)
    await say('hello')
    await until(
      metrics,
      now => now.value('wataki_socket_silence_max_seconds') < quiet.value('wataki_socket_silence_max_seconds'),
    )
  })

  it('that lose their connection and come back are counted, and those whose phone is gone', async () => {
    const before = await metrics()
    const more = since(before)
    await fault('drop')
    const back = await counted(before, 'wataki_reconnects_total', {}, 1)
    expect(more(back, 'wataki_socket_ends_total')).toBe(1)
    await counted(before, 'wataki_instance_changes_total', { state: 'connected' }, 1)
    await fault('logout')
    const out = await counted(before, 'wataki_instance_changes_total', { state: 'logged_out' }, 1)
    expect(more(out, 'wataki_logouts_total', { by: 'phone' })).toBe(1)
    expect(more(out, 'wataki_logouts_total', { by: 'api' })).toBe(0)
    expect(more(out, 'wataki_socket_ends_total', { reason: 'logged_out' })).toBe(1)
    await until(metrics, now => now.value('wataki_instances', { state: 'logged_out' }) === 1)
    const other = await connectedInstance(acme, 'to be deleted')
    await acme.delete(`/v1/instances/${other}`)
    const deleted = await metrics()
    expect(more(deleted, 'wataki_logouts_total', { by: 'api' })).toBe(1)
    expect(more(deleted, 'wataki_reconnects_total')).toBe(1)
    expect(deleted.value('wataki_sockets_open')).toBe(0)
  })
})

describe('the API', () => {
  it('is counted by method, pattern and class of the answer, and what matches none under one name', async () => {
    const before = await metrics()
    const more = since(before)
    await acme.get('/v1/instances')
    await acme.get('/v1/instances?limit=0')
    await acme.get('/v1/instances/inst_none')
    await acme.get('/v1/nothing')
    await acme.get('/nothing')
    await acme.request('PUT', '/v1/instances')
    // Refused before anybody looks at the method.
    for (const method of ['DELETE', 'PURGE']) {
      await fetch(`${wataki.url}/v1/billing/plans`, { method, headers: { 'x-api-key': 'mistyped' } })
      await fetch(`${wataki.url}/graphql`, { method, headers: { 'x-api-key': 'mistyped' } })
    }
    const labels = { method: 'GET', route: '/v1/instances' }
    const now = await counted(before, 'wataki_http_requests_total', { method: 'other' }, 5)
    expect(more(now, 'wataki_http_requests_total', { method: 'DELETE' })).toBe(0)
    expect(more(now, 'wataki_http_requests_total', { ...labels, status: '2xx' })).toBe(1)
    expect(more(now, 'wataki_http_requests_total', { ...labels, status: '4xx' })).toBe(1)
    expect(more(now, 'wataki_http_requests_total', { route: '/v1/instances/{instance_id}', status: '4xx' })).toBe(1)
    expect(more(now, 'wataki_http_requests_total', { route: 'unknown', status: '4xx' })).toBe(2)
    expect(more(now, 'wataki_http_request_seconds_count', labels)).toBe(2)
    expect(more(now, 'wataki_http_request_seconds_count', { method: 'other' })).toBe(0)
  })

  it('has its GraphQL operations counted by type, and its subscriptions while they are open', async () => {
    const before = await metrics()
    await acme.graphql('query ofThisName { me { id } }')
    await acme.graphql('mutation { deleteInstance(instanceId: "inst_none") }')
    await acme.graphql('{ not valid')
    const leave = new AbortController()
    const query = `subscription { messageReceived(instanceId: "${bot}") { id } }`
    const stream = await fetch(`${wataki.url}/graphql`, {
      method: 'POST',
      headers: { 'x-api-key': acme.apiKey, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query }),
      signal: leave.signal,
    })
    expect(stream.status).toBe(200)
    const labels = { operation: 'messageReceived' }
    const now = await until(metrics, now => now.value('wataki_subscriptions_open', labels) === 1)
    const types = ['query', 'mutation', 'subscription']
    const ran = types.map(type => since(before)(now, 'wataki_graphql_operations_total', { type }))
    expect(ran).toEqual([1, 1, 1])
    expect(now.text).not.toContain('ofThisName')
    leave.abort()
    await until(metrics, now => now.value('wataki_subscriptions_open', labels) === 0)
  })

  it('counts whom it has refused because an allowance was used up', async () => {
    const small = await openTestApp({ RATE_LIMIT_PER_MINUTE: '2', SANDBOX: 'off' })
    try {
      const caller = await small.tenant()
      for (let i = 0; i < 4; i++) await caller.get('/v1/instances')
      for (let i = 0; i < 5; i++) await fetch(`${small.url}/v1/instances`)
      const refused = { route: '/v1/instances', status: '4xx' }
      const now = await until(
        () => scrape(`${small.url}/metrics`),
        now => now.value('wataki_http_requests_total', refused) === 7,
      )
      expect(now.value('wataki_rate_limited_total', { caller: 'tenant' })).toBe(2)
      expect(now.value('wataki_rate_limited_total', { caller: 'stranger' })).toBe(3)
    } finally {
      await small.close()
    }
  })
})

describe('the process', () => {
  it('tells of its jobs, its database, its place among the nodes and itself', async () => {
    const now = await until(metrics, now => now.value('wataki_job_runs_total', { task: 'dispatch what is due' }) > 0)
    expect(now.value('wataki_job_runs_total', { outcome: 'failed' })).toBe(0)
    for (const kind of ['single', 'inner', 'transaction']) {
      expect(now.value('wataki_database_seconds_count', { kind }), kind).toBeGreaterThan(0)
    }
    expect(now.value('wataki_database_up')).toBe(1)
    expect(now.value('wataki_database_connections')).toBeGreaterThan(0)
    expect(now.has('wataki_database_waiting')).toBe(true)
    expect(now.value('wataki_nodes', { state: 'active' })).toBe(1)
    expect(now.value('wataki_node_beat_age_seconds')).toBeGreaterThan(0)
    expect(now.value('wataki_node_beat_age_seconds')).toBeLessThan(5.5)
    expect([now.value('wataki_node_fenced'), now.value('wataki_node_draining')]).toEqual([0, 0])
    expect(now.value('wataki_build_info', { version: wataki.app.config.version })).toBe(1)
    expect(now.value('nodejs_heap_size_used_bytes')).toBeGreaterThan(0)
    expect(now.value('process_resident_memory_bytes')).toBeGreaterThan(0)
    expect(now.has('nodejs_eventloop_lag_p99_seconds')).toBe(true)
    expect(now.text).not.toMatch(/process_open_fds|nodejs_active_/)
  })

  it('counts letters by what came of them', async () => {
    const before = await metrics()
    const email = 'metrics@example.com'
    await send(`${wataki.url}/v1/auth/signup`, { json: { name: 'Metrics', email } })
    await wataki.letterTo(email)
    const now = await counted(before, 'wataki_letters_total', { outcome: 'sent' }, 1)
    expect(now.value('wataki_letters_total', { outcome: 'failed' })).toBe(0)
  })
})
