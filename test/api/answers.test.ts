import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import type { Sql } from '../../src/db/sql.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { failBefore } from '../support/failing-statement.ts'

/** Acks and receipts of many messages that come at once. */

const COUNT = 20
const CONTACT = '5511955530001'

let wataki: TestApp
let acme: Caller
let bot: string
/** That nobody watches. */
let plain: Sql

beforeAll(async () => {
  wataki = await openTestApp({ QUOTA: 'off' })
  const { db } = wataki.app
  const { sql, transaction } = db
  plain = sql
  db.sql = watched(sql)
  db.transaction = work => transaction(inner => work(watched(inner)))
  acme = await wataki.tenant()
  bot = await connectedInstance(acme)
  await acme.post(`/v1/instances/${bot}/messages`, said('before'))
})
afterAll(() => wataki.close())

const rows = (text: string, params: unknown[]): Promise<Json[]> => wataki.app.db.sql.query<Json>(text, params)
const fault = (kind: string) => acme.post(`/v1/instances/${bot}/sandbox/faults`, { kind })
const said = (text: string) => ({ chat_id: CONTACT, type: 'text', content: { text } })

/** Told of each named statement, before its rows are handed on. */
let seen: (name: string) => unknown = () => {}
afterEach(() => {
  seen = () => {}
})

const watched = (sql: Sql): Sql => {
  const query = sql.query.bind(sql)
  return {
    async query<R extends object>(text: string, params?: readonly unknown[], name?: string) {
      const rows = await query<R>(text, params, name)
      if (name) await seen(name)
      return rows
    },
  }
}

/** Sent while WhatsApp acknowledges nothing; all acks come at once. */
async function sendAndRelease(text: string): Promise<string[]> {
  await fault('hold_acks')
  const sends = Array.from({ length: COUNT }, (_, n) =>
    acme.post(`/v1/instances/${bot}/messages`, said(`${text} ${n}`)),
  )
  const ids = (await Promise.all(sends)).map(({ status, body }) => {
    expect(status).toBe(202)
    return body.id as string
  })
  await until(
    () => acme.get(`/v1/instances/${bot}/sandbox/messages?contact=${CONTACT}`),
    ({ body }) => body.data.filter((each: Json) => each.content.text.startsWith(text)).length === COUNT,
  )
  await fault('release_acks')
  return ids
}

/** Each has each of its events once, in order; none is missing among those of the instance. */
async function expectWhole(ids: string[]): Promise<void> {
  const statuses = () => rows('select status from message where instance_id = $1 and id = any($2)', [bot, ids])
  await until(statuses, all => all.every(({ status }) => status === 'read'), 30_000)
  const told = await rows(
    `select about, array_agg(type || ' ' || coalesce(data->>'status', '') order by seq) as steps from event
     where instance_id = $1 and about = any($2) and type <> 'message.created' group by about`,
    [bot, ids],
  )
  expect(told).toHaveLength(ids.length)
  for (const { steps } of told) {
    expect(steps.at(-1)).toBe('message.read ')
    expect(steps.filter((step: string) => step.startsWith('message.status'))).toEqual(
      ['message.status sent', 'message.status delivered', 'message.status read'].filter(step => steps.includes(step)),
    )
    expect(steps.filter((step: string) => step.startsWith('message.read'))).toHaveLength(1)
  }
  const [counter] = await rows(
    `select last_seq::int as last, waiting, (select count(*)::int from event where instance_id = $1) as events
     from event_counter where instance_id = $1`,
    [bot],
  )
  expect(counter).toEqual({ last: counter.events, waiting: 0, events: counter.events })
}

it('are taken together, each with its events', async () => {
  const count = { taken: 0, locked: 0 }
  seen = name => {
    if (name === 'take-answers') count.taken++
    if (name === 'lock-sent') count.locked++
  }
  await expectWhole(await sendAndRelease('together'))
  expect(count.locked).toBe(0)
  expect(count.taken).toBeLessThan(COUNT)
}, 60_000)

it('are taken one by one where a message was changed after it was read', async () => {
  let changes = 0
  let locked = 0
  seen = async name => {
    if (name === 'lock-sent') locked++
    if (name !== 'look-at-sent' || changes++ > 0) return
    await plain.query('update message set attempts = attempts + 1 where instance_id = $1', [bot])
  }
  await expectWhole(await sendAndRelease('changed'))
  expect(locked).toBeGreaterThan(0)
}, 60_000)

it('are taken one by one where the statement fails', async () => {
  const point = failBefore('take-answers', bot)
  await expectWhole(await sendAndRelease('failed'))
  expect(point.struck).toBe(1)
}, 60_000)
