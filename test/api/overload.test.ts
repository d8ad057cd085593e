import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { payloadPlace } from '../../src/db/vault.ts'
import { newId } from '../../src/ids.ts'
import { dispatchDue } from '../../src/resolvers/messages/dispatchDue.ts'
import { expirePending } from '../../src/resolvers/messages/failPending.ts'
import { recountDue } from '../../src/resolvers/messages/recountDue.ts'
import { waitMs } from '../../src/resolvers/messages/wait-for-answer.ts'
import { deliverDue } from '../../src/resolvers/webhooks/deliverDue.ts'
import {
  type Answer,
  type Caller,
  connectedInstance,
  type Json,
  openTestApp,
  type TestApp,
  until,
} from '../support/app.ts'

/** More than the server, or WhatsApp, can take at once. */

const AT_ONCE = 4
const WAITING_MAX = 5

let wataki: TestApp
beforeAll(async () => {
  wataki = await openTestApp({
    REQUESTS_AT_ONCE: String(AT_ONCE),
    MESSAGES_WAITING_MAX: String(WAITING_MAX),
    QUOTA: 'off',
    WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
  })
})
afterAll(() => wataki.close())

const rows = (text: string, params: unknown[] = []): Promise<Json[]> => wataki.app.db.sql.query<Json>(text, params)
const say = (caller: Caller, id: string, text: string, to = '5511955570001'): Promise<Answer> =>
  caller.post(`/v1/instances/${id}/messages`, { chat_id: to, type: 'text', content: { text } })
/** As a client does that is told to come again: what was refused before has left the line a standing one. */
const insist = (caller: Caller, id: string, text: string, to?: string): Promise<Answer> =>
  until(
    () => say(caller, id, text, to),
    ({ status }) => status !== 503,
  )
const fault = (caller: Caller, id: string, kind: string) => caller.post(`/v1/instances/${id}/sandbox/faults`, { kind })
const waitingOf = async (id: string): Promise<number> =>
  (await rows('select waiting from event_counter where instance_id = $1', [id]))[0].waiting
const countOf = (answers: Answer[], status: number) => answers.filter(answer => answer.status === status).length

describe('a database that stalls', () => {
  it('has so many sends in it and no more: the others get 503, nothing of them is stored, all that was begun is done, and no answer waits for WhatsApp meanwhile', async () => {
    const acme = await wataki.tenant()
    const bot = await connectedInstance(acme)
    const { app } = wataki
    await say(acme, bot, 'before')
    const client = await app.db.pool.connect()
    await client.query('begin')
    await client.query('lock table message in exclusive mode')
    const sends = Array.from({ length: 30 }, (_, n) => say(acme, bot, `stalled ${n}`, `55119555710${10 + n}`))
    await until(
      () => app.turnstile.refused,
      refused => refused >= 30 - AT_ONCE,
    )
    expect(waitMs(app, 'inst_idle')).toBe(0)
    await client.query('commit')
    client.release()
    const answers = await Promise.all(sends)
    const texts = answers.flatMap(({ status }, n) => (status === 202 ? [`stalled ${n}`] : []))
    expect(texts).toHaveLength(AT_ONCE)
    expect(countOf(answers, 503)).toBe(30 - AT_ONCE)
    for (const { headers, status, body } of answers) {
      if (status !== 503) continue
      expect(body.error.code).toBe('unavailable')
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    }
    const stored = await rows(
      `select content->>'text' as text from message where instance_id = $1 and content->>'text' like 'stalled%'`,
      [bot],
    )
    expect(stored.map(row => row.text).sort()).toEqual(texts.sort())
    expect((await insist(acme, bot, 'after')).status).toBe(202)
    expect(app.turnstile.busy).toBe(0)
    await until(
      () => waitMs(app, 'inst_idle'),
      ms => ms === 2000,
    )
  })

  it('keeps no place for sends that wait for WhatsApp', async () => {
    const acme = await wataki.tenant()
    const bot = await connectedInstance(acme)
    await fault(acme, bot, 'hold_acks')
    const sends = Array.from({ length: AT_ONCE }, (_, n) => say(acme, bot, `held ${n}`))
    await until(
      () => waitingOf(bot),
      waiting => waiting === AT_ONCE,
    )
    await until(
      () => wataki.app.turnstile.busy,
      busy => busy === 0,
    )
    expect((await acme.get(`/v1/instances/${bot}`)).status).toBe(200)
    await fault(acme, bot, 'release_acks')
    expect(countOf(await Promise.all(sends), 202)).toBe(AT_ONCE)
  })
})

describe('an instance with all that may wait', () => {
  let acme: Caller
  let bot: string
  beforeAll(async () => {
    acme = await wataki.tenant()
    bot = await connectedInstance(acme)
  })

  it('takes exactly so many of those who send at once, and tells the others 429 queue_full and when to come again', async () => {
    await fault(acme, bot, 'hold_acks')
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => insist(acme, bot, `n ${n}`, `551195557200${n % 10}`)),
    )
    expect([countOf(answers, 202), countOf(answers, 429)]).toEqual([WAITING_MAX, 20 - WAITING_MAX])
    const full = answers.find(({ status }) => status === 429)!
    expect(full.body.error).toMatchObject({ code: 'queue_full', details: { limit: WAITING_MAX } })
    expect(full.headers.get('retry-after')).toBe('10')
    const stored = await rows(`select count(*)::int as count from message where instance_id = $1`, [bot])
    expect(stored).toEqual([{ count: WAITING_MAX }])
    const events = await rows(
      `select count(*)::int as count from event where instance_id = $1 and type = 'message.created'`,
      [bot],
    )
    expect(events).toEqual([{ count: WAITING_MAX }])
  })

  it('takes no reaction either, tells GraphQL the same, and keeps no Idempotency-Key for what it refused', async () => {
    const [{ id }] = await rows('select id from message where instance_id = $1 limit 1', [bot])
    const path = `/v1/instances/${bot}/messages`
    expect((await acme.post(`${path}/${id}/read`)).status).not.toBe(202)
    const told = await acme.graphql(
      `mutation { sendMessage(instanceId: "${bot}", input: { chatId: "5511955570001", type: text, content: { text: "x" } }) { id } }`,
    )
    expect(told.errors[0].extensions).toMatchObject({ code: 'queue_full', details: { limit: WAITING_MAX } })
    const body = { chat_id: '5511955570001', type: 'text', content: { text: 'once' } }
    expect((await acme.post(path, body, { 'idempotency-key': 'full' })).status).toBe(429)
    await fault(acme, bot, 'release_acks')
    await until(
      () => waitingOf(bot),
      waiting => waiting === 0,
    )
    expect((await acme.post(path, body, { 'idempotency-key': 'full' })).status).toBe(202)
  })

  it('is left by what is done to a message, by what WhatsApp refuses and by what expires', async () => {
    const sent = await say(acme, bot, 'to react to')
    const path = `/v1/instances/${bot}/messages`
    expect((await acme.post(`${path}/${sent.body.id}/react`, { emoji: '👍' })).status).toBe(202)
    expect((await say(acme, bot, 'to nobody', '5511900000004')).status).toBe(202)
    await until(
      () => waitingOf(bot),
      waiting => waiting === 0,
    )
    await fault(acme, bot, 'hold_acks')
    const held = await say(acme, bot, 'to be late')
    const react = await acme.post(`${path}/${held.body.id}/react`, { emoji: '👍' })
    expect([held.status, react.status]).toEqual([202, 202])
    expect(await waitingOf(bot)).toBe(2)
    await rows(`update message set expires_at = now() - interval '1 s' where instance_id = $1 and status = 'pending'`, [
      bot,
    ])
    await expirePending(wataki.app)
    expect(await waitingOf(bot)).toBe(0)
    await fault(acme, bot, 'release_acks')
  })

  it('is counted anew, for a node of before may share the database', async () => {
    await rows('update event_counter set waiting = $2 where instance_id = $1', [bot, WAITING_MAX])
    expect((await say(acme, bot, 'too many')).status).toBe(429)
    await recountDue(wataki.app)
    expect(await waitingOf(bot)).toBe(0)
    expect((await say(acme, bot, 'not too many')).status).toBe(202)
  })
})

describe('a backlog', () => {
  const BACKLOG = 100_000
  const PIECE = 10_000

  /** As an accept stores them, spread over chats. */
  async function fill(tenantId: string, instanceId: string, count: number): Promise<void> {
    const { app } = wataki
    await rows(
      `insert into chat (id, tenant_id, instance_id, phone)
       select 'chat_' || $2 || n, $1, $2, '55119560' || lpad(n::text, 5, '0') || '@s.whatsapp.net' from generate_series(0, 99) as n`,
      [tenantId, instanceId],
    )
    const payload = app.whatsapp.compose({ type: 'text', text: 'waited' })
    for (let done = 0; done < count; done += PIECE) {
      const ids = Array.from({ length: PIECE }, () => newId('msg'))
      const sealed = ids.map(id => Buffer.from(app.secrets.seal(payload, payloadPlace(id))))
      await rows(
        `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, payload,
           timestamp, created_at, next_attempt_at, expires_at)
         select id, $1, $2, substr(id, 5), 'chat_' || $2 || n % 100, 'x', 'outbound', 'text', 'pending', '{"text":"waited"}', payload,
           now(), now(), now(), now() + interval '1 day'
         from unnest($3::text[], $4::bytea[]) with ordinality as t (id, payload, n)`,
        [tenantId, instanceId, ids, sealed],
      )
    }
  }
  const left = async (id: string): Promise<number> =>
    (await rows(`select count(*)::int as left from message where instance_id = $1 and status = 'pending'`, [id]))[0]
      .left

  it('of one tenant holds up no other: with 100,000 waiting, one of another goes out at once', async () => {
    const [flood, honest] = [await wataki.tenant(), await wataki.tenant()]
    const [many, one] = [await connectedInstance(flood), await connectedInstance(honest)]
    await fill(flood.tenantId, many, BACKLOG)
    await dispatchDue(wataki.app)
    await until(
      () => left(many),
      count => count < BACKLOG,
    )
    const now = await insist(honest, one, 'now')
    await until(
      () => rows('select status from message where id = $1', [now.body.id]),
      ([row]) => row.status !== 'pending',
    )
    expect(await left(many)).toBeGreaterThan(BACKLOG / 2)
    await flood.post(`/v1/instances/${many}/disconnect`)
    await rows('update instance set state = $2 where id = $1', [many, 'disconnected'])
  }, 120_000)

  it('of more than the clock looks at in one go is gone through in turns', async () => {
    const { app } = wataki
    const acme = await wataki.tenant()
    const bots = [
      await connectedInstance(acme, 'a'),
      await connectedInstance(acme, 'b'),
      await connectedInstance(acme, 'c'),
    ]
    for (const bot of bots) await fault(acme, bot, 'hold_acks')
    for (const bot of bots) expect((await say(acme, bot, 'held')).status).toBe(202)
    await rows(
      `update message set next_attempt_at = now() - interval '1 s' where status = 'pending' and tenant_id = $1`,
      [acme.tenantId],
    )
    const oneByOne = async () => {
      const seen = new Set<string>()
      app.lanes.lookedAt = ''
      for (const _ of bots) {
        await dispatchDue(app, 1)
        seen.add(app.lanes.lookedAt)
      }
      return [...seen].sort().join()
    }
    // The clock looks, too, and may come in between.
    await until(oneByOne, seen => seen === bots.toSorted().join())
    for (const bot of bots) await fault(acme, bot, 'release_acks')
  })

  it('so it is with webhooks', async () => {
    const { app } = wataki
    const acme = await wataki.tenant()
    const bot = await connectedInstance(acme)
    const hooks: string[] = []
    for (let n = 0; n < 3; n++) {
      const made = await acme.post(`/v1/instances/${bot}/webhooks`, {
        url: `http://127.0.0.1:9/${n}`,
        events: ['message.status'],
      })
      hooks.push(made.body.id)
    }
    await say(acme, bot, 'told')
    await until(
      () =>
        rows(`select distinct webhook_id from webhook_delivery where attempts > 0 and tenant_id = $1`, [acme.tenantId]),
      found => found.length === 3,
    )
    await rows(`update webhook_delivery set next_attempt_at = now() - interval '1 s' where status = 'pending'`)
    const oneByOne = async () => {
      const seen = new Set<string>()
      app.deliveries.lookedAt = ''
      for (const _ of hooks) {
        await deliverDue(app, 1)
        seen.add(app.deliveries.lookedAt)
        await rows(`update webhook_delivery set next_attempt_at = now() - interval '1 s' where status = 'pending'`)
      }
      return [...seen].sort().join()
    }
    await until(oneByOne, seen => seen === hooks.toSorted().join())
  })
})
