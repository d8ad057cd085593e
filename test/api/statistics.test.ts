import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

/**
 * What PostgreSQL believes of its tables is always of some time ago. Whatever it believes, what is done with one message
 * reads a few rows, and not all that an instance, a webhook or a table has.
 */

const MANY = 8_000
/** Rows of a table that may be read for all that is done below; one way through the many is more. */
const READ_MAX = 2_000
const TABLES = ['message', 'event', 'receipt', 'webhook_delivery']
const CONTACT = '5511966660001'

let wataki: TestApp
let receiver: Receiver
let acme: Caller
let bot: string
let away: string
let hook: string
let client: pg.Client
beforeEach(async () => {
  receiver = await openReceiver()
  wataki = await openTestApp({
    ...RECEIVABLE,
    QUOTA: 'off',
    WEBHOOK_RETRY_BASE_MS: '50',
    MESSAGES_WAITING_MAX: String(2 * MANY),
  })
  client = new pg.Client(wataki.app.db.pool.options)
  await client.connect()
  for (const table of [...TABLES, 'chat', 'contact'])
    await client.query(`alter table ${table} set (autovacuum_enabled = false)`)
}, 60_000)
afterEach(async () => {
  await client.end()
  await wataki.close()
  await receiver.close()
})

/** Two instances of a tenant: one that is about to be used, and one that is away. */
async function open(): Promise<void> {
  acme = await wataki.tenant()
  bot = await connectedInstance(acme)
  away = await connectedInstance(acme, 'away')
  await acme.post(`/v1/instances/${away}/disconnect`)
  const events = ['message.received', 'message.status', 'message.created']
  const made = await acme.post(`/v1/instances/${bot}/webhooks`, { url: receiver.url, events })
  hook = made.body.id
}

/** Messages that were sent, and of the other one messages that wait; events; deliveries that wait for a later try; chats and contacts. */
async function fill(of: {
  instanceId: string
  awayId: string | null
  webhookId: string
  deliveries: string
}): Promise<void> {
  const sql = (text: string, params: unknown[]) => client.query(text, params)
  const series = `generate_series(1, ${MANY}) as n`
  for (const instanceId of [of.instanceId, of.awayId]) {
    if (!instanceId) continue
    const status = instanceId === of.awayId ? 'pending' : 'sent'
    await sql(
      `insert into chat (id, tenant_id, instance_id, phone)
       select 'chat_' || md5($2 || n), $1, $2, '551194' || lpad(n::text, 6, '0') || '@s.whatsapp.net' from ${series}`,
      [acme.tenantId, instanceId],
    )
    await sql(
      `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, timestamp, created_at,
         next_attempt_at, expires_at)
       select 'msg_' || md5($2 || n), $1, $2, md5($2 || n), 'chat_' || md5($2 || n % 100 + 1), 'x', 'outbound', 'text', $3, '{"text":"x"}',
         now(), now(), now() + interval '1 day', now() + interval '2 days' from ${series}`,
      [acme.tenantId, instanceId, status],
    )
  }
  const { tenantId } = acme
  await sql(
    `insert into contact (id, tenant_id, instance_id, phone)
     select 'con_' || md5($2 || n), $1, $2, '551194' || lpad(n::text, 6, '0') || '@s.whatsapp.net' from ${series}`,
    [tenantId, of.instanceId],
  )
  await sql(
    `with counter as (update event_counter set last_seq = last_seq + ${MANY} where instance_id = $2 returning last_seq - ${MANY} as before)
     insert into event (id, tenant_id, instance_id, type, data, about, seq, kept_until)
     select 'evt_' || md5($2 || n), $1, $2, 'message.status', '{"status":"sent"}', 'msg_' || md5($2 || n), before + n, now() + interval '1 day'
     from counter, ${series}`,
    [tenantId, of.instanceId],
  )
  await sql(
    `insert into receipt (message_id, instance_id, reader, status, at)
     select 'msg_' || md5($1 || n), $1, 'x', 'read', now() from ${series}`,
    [of.instanceId],
  )
  // Counted already.
  await sql(
    `insert into rollup_mark (instance_id, seq) select instance_id, last_seq from event_counter where instance_id = $1
     on conflict (instance_id) do update set seq = excluded.seq`,
    [of.instanceId],
  )
  await sql(
    `insert into webhook_delivery (id, tenant_id, instance_id, webhook_id, event_id, event, seq, chat, status, next_attempt_at)
     select 'del_' || md5($2 || n), $1, $2, $3, 'evt_' || md5($2 || n), 'message.status', n, 'c' || n % 100, $4,
       case when $4 = 'pending' then now() + interval '1 day' end from ${series}`,
    [tenantId, of.instanceId, of.webhookId, of.deliveries],
  )
}

const lookAtAll = () => client.query('analyze')

/** Every kind of thing that is done with a message, once or a few times. */
async function use(): Promise<void> {
  const path = `/v1/instances/${bot}`
  await until(
    () => acme.get(path),
    ({ status, body }) => status === 200 && body.status.state === 'connected',
  )
  const told = (what: (event: Json) => boolean): Promise<Json> =>
    until(
      () => receiver.got.find(({ body }) => what(body))?.body.data,
      data => data !== undefined,
    )
  const hear = async (text: string): Promise<Json> => {
    await acme.post(`${path}/sandbox/messages`, { from: CONTACT, type: 'text', content: { text } })
    return told(({ event, data }) => event === 'message.received' && data.content.text === text)
  }
  const say = async (text: string): Promise<Json> => {
    const { body } = await acme.post(`${path}/messages`, { chat_id: CONTACT, type: 'text', content: { text } })
    return told(({ data }) => data.message_id === body.id && (data.status === 'delivered' || data.status === 'read'))
  }
  receiver.answer(500)
  const first = await hear('first')
  receiver.answer(200)
  for (const text of ['second', 'third']) await hear(text)
  const said = await say('an answer')
  for (const text of ['another', 'and another']) await say(text)
  const [heardAt, saidAt] = [`${path}/messages/${first.id}`, `${path}/messages/${said.message_id}`]
  const { id: team } = await wataki.app.sandbox!.group(bot, { subject: 'Team', participants: [CONTACT] })
  const to = { chat_id: team, type: 'text', content: { text: 'to all' } }
  const { body: toTeam } = await acme.post(`${path}/messages`, to)
  const asked = [
    await acme.post(`${heardAt}/react`, { emoji: '👍' }),
    await acme.post(`${heardAt}/read`),
    await acme.patch(saidAt, { content: { text: 'a better answer' } }),
    await acme.delete(saidAt),
    await acme.get(saidAt),
    await acme.get(`${saidAt}/timeline`),
    await acme.get(`${path}/messages/${toTeam.id}/timeline`),
  ]
  expect(asked.map(({ status }) => status)).toEqual([202, 202, 202, 204, 200, 200, 200])
  await until(
    () => receiver.got.filter(({ body }) => body.data.id === first.id),
    tries => tries.length > 1,
  )
}

/** Rows of each table that everybody else has read. A connection tells what it has read when it ends, at the latest. */
async function read(): Promise<Record<string, number>> {
  await client.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`)
  const { rows } = await client.query(
    `select relname, (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as read from pg_stat_user_tables where relname = any($1)`,
    [TABLES],
  )
  return Object.fromEntries(rows.map(row => [row.relname, row.read]))
}

async function expectFewRead(): Promise<void> {
  const before = await read()
  await use()
  const after = await read()
  const more = TABLES.map(table => [table, after[table]! - before[table]!] as const)
  expect(more.filter(([, count]) => count > READ_MAX)).toEqual([])
}

describe('what is done with a message reads a few rows', () => {
  it('of tables that nobody has looked at', async () => {
    await open()
    await fill({ instanceId: bot, awayId: away, webhookId: hook, deliveries: 'pending' })
    await expectFewRead()
  }, 120_000)

  it('of tables that were looked at when they were empty', async () => {
    await open()
    await lookAtAll()
    await fill({ instanceId: bot, awayId: away, webhookId: hook, deliveries: 'pending' })
    await expectFewRead()
  }, 120_000)

  it('of tables that were looked at before this instance was there, when nothing waited', async () => {
    await open()
    await fill({ instanceId: bot, awayId: null, webhookId: hook, deliveries: 'delivered' })
    await lookAtAll()
    await open()
    await fill({ instanceId: bot, awayId: away, webhookId: hook, deliveries: 'pending' })
    await expectFewRead()
  }, 120_000)

  it('of tables that were looked at now', async () => {
    await open()
    await fill({ instanceId: bot, awayId: away, webhookId: hook, deliveries: 'pending' })
    await lookAtAll()
    await expectFewRead()
  }, 120_000)
})
