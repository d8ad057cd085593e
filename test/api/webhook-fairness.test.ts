import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type Caller, connectedInstance, openTestApp, type TestApp, until } from '../support/app.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

/** What hangs does so for longer than a test takes: nothing here has ended because a try of the dead did. */
const TIMEOUT_MS = 120_000
const DEAD = 10
const QUEUED = 10_000
const OTHERS = 3
const MESSAGES = 30
/** Of one, however busy the machine is. */
const WITHIN_MS = 15_000

let wataki: TestApp
const receivers: Receiver[] = []
beforeAll(async () => {
  wataki = await openTestApp({ ...RECEIVABLE, WEBHOOK_TIMEOUT_MS: String(TIMEOUT_MS) })
}, 60_000)
afterEach(async () => {
  await Promise.all(receivers.splice(0).map(receiver => receiver.close()))
})
afterAll(() => wataki.close())

async function receiver(): Promise<Receiver> {
  const opened = await openReceiver()
  receivers.push(opened)
  return opened
}

/** Takes what it is sent and never answers. */
async function dead(): Promise<Receiver> {
  const opened = await receiver()
  opened.answer(() => {})
  return opened
}

interface Place {
  caller: Caller
  instanceId: string
}

const hook = async ({ caller, instanceId }: Place, to: Receiver): Promise<void> => {
  const input = { url: to.url, events: ['message.received'] }
  expect((await caller.post(`/v1/instances/${instanceId}/webhooks`, input)).status).toBe(201)
}

async function openPlace(): Promise<Place> {
  const caller = await wataki.tenant()
  return { caller, instanceId: await connectedInstance(caller) }
}

/** For each message of a contact the time from its event to the receiver, in ms. */
async function deliver({ caller, instanceId }: Place, to: Receiver, word: string): Promise<number[]> {
  for (let i = 0; i < MESSAGES; i++) {
    const said = { from: '5511900000031', type: 'text', content: { text: `${word} ${i}` } }
    expect((await caller.post(`/v1/instances/${instanceId}/sandbox/messages`, said)).status).toBeLessThan(300)
  }
  const own = () => to.got.filter(({ body }) => body.data.content.text.startsWith(`${word} `))
  await until(own, got => got.length >= MESSAGES)
  return own().map(({ body, atMs }) => performance.timeOrigin + atMs - Date.parse(body.timestamp))
}

/** Rows as they are after so many events while nothing was delivered: a delivery of each to every webhook. */
const queue = ({ caller, instanceId }: Place, events: number): Promise<unknown> =>
  wataki.app.db.sql.query(
    `with counter as (
         insert into event_counter (instance_id, last_seq) values ($1, $3) on conflict (instance_id)
         do update set last_seq = event_counter.last_seq + $3 returning last_seq - $3 as before),
       made as (
         insert into event (id, tenant_id, instance_id, type, data, created_at, about, seq, kept_until)
         select 'evt_' || lpad(n::text, 26, '0'), $2, $1, 'message.received', '{"chat_id":"x"}', now(), 'x', before + n,
           now() + interval '1 day' from counter, generate_series(1, $3::int) as n returning id, seq)
     insert into webhook_delivery (id, tenant_id, instance_id, webhook_id, event_id, event, seq, chat)
     select 'del_' || substr(made.id, 11) || right(webhook.id, 6), $2, $1, webhook.id, made.id, 'message.received', seq,
       'chat ' || seq % 100 from made, webhook where webhook.instance_id = $1`,
    [instanceId, caller.tenantId, events],
  )

const told = (tookMs: number[]): string => {
  const all = tookMs.toSorted((a, b) => a - b).map(Math.round)
  return `p50 ${all[Math.floor(all.length / 2)]} ms, p99 ${all[Math.floor(all.length * 0.99)]} ms`
}

it(`W6: ${DEAD} endpoints that hang and ${QUEUED} deliveries to them hold up none of other tenants`, async () => {
  const others = await Promise.all(Array.from({ length: OTHERS }, openPlace))
  const alive = await Promise.all(others.map(receiver))
  for (const [i, place] of others.entries()) await hook(place, alive[i]!)
  const all = async (word: string) =>
    (await Promise.all(others.map((place, i) => deliver(place, alive[i]!, word)))).flat()
  const alone = await all('alone')

  const place = await openPlace()
  const hanging = await Promise.all(Array.from({ length: DEAD }, dead))
  for (const each of hanging) await hook(place, each)
  await queue(place, QUEUED / DEAD)
  await until(
    () => hanging.filter(each => each.got.length === 0).length,
    none => none === 0,
  )
  const beside = await all('beside')
  console.log(`webhook fairness: alone ${told(alone)}; beside ${DEAD} that hang ${told(beside)}`)
  expect(Math.max(...beside)).toBeLessThan(WITHIN_MS)
  const [rows] = await wataki.app.db.sql.query<{ pending: number; tried: number }>(
    `select count(*) filter (where status = 'pending')::int as pending, count(*) filter (where tries <> '[]')::int as tried
       from webhook_delivery where instance_id = $1`,
    [place.instanceId],
  )
  expect(rows).toEqual({ pending: QUEUED, tried: 0 })
  await place.caller.delete(`/v1/instances/${place.instanceId}`)
}, 120_000)

it('W6: one receiver that hangs holds up no other webhook of its instance', async () => {
  const place = await openPlace()
  const [hangs, takes] = [await dead(), await receiver()]
  for (const each of [hangs, takes]) await hook(place, each)
  const tookMs = await deliver(place, takes, 'beside')
  console.log(`webhook fairness: beside a webhook of the same instance that hangs ${told(tookMs)}`)
  expect(Math.max(...tookMs)).toBeLessThan(WITHIN_MS)
  // One chat, in its order: the first is still under way.
  expect(hangs.got).toHaveLength(1)
}, 120_000)

it('a server that ends while receivers hang and deliveries wait is done in seconds, and leaves its claims', async () => {
  const place = await openPlace()
  const hangs = await dead()
  await hook(place, hangs)
  await queue(place, 500)
  await until(
    () => hangs.got.length,
    count => count > 0,
  )
  const beganMs = performance.now()
  const restarted = await wataki.restart().then(() => performance.now() - beganMs)
  expect(restarted).toBeLessThan(30_000)
  const before = hangs.got.length
  await until(
    () => hangs.got.length,
    count => count > before,
    TIMEOUT_MS / 2,
  )
}, 120_000)
