import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Sql } from '../../src/db/sql.ts'
import type { HouseEvent } from '../../src/events/catalogue.ts'
import { onAnswers } from '../../src/resolvers/messages/onAnswers.ts'
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
  let locked = 0
  seen = async name => {
    if (name === 'lock-sent') locked++
    if (name !== 'look-at-sent' || locked > 0) return
    await plain.query('update message set attempts = attempts + 1 where instance_id = $1', [bot])
  }
  await expectWhole(await sendAndRelease('changed'))
  expect(locked).toBeGreaterThan(0)
}, 60_000)

it('are taken in any case where the statement fails', async () => {
  const point = failBefore('take-answers', bot)
  await expectWhole(await sendAndRelease('failed'))
  expect(point.struck).toBe(1)
}, 60_000)

describe('of several instances', () => {
  /** Its receipts take 30 s. */
  const SLOW = '5511900000006'
  const EACH = 3
  interface Bot {
    caller: Caller
    id: string
    /** Of messages that WhatsApp has, and has not acknowledged. */
    ids: string[]
    names: string[]
  }
  let bots: Bot[]
  let counts: Record<string, number>

  beforeAll(async () => {
    const [rival, third] = [await wataki.tenant(), await wataki.tenant()]
    bots = []
    for (const caller of [acme, rival, rival, third]) {
      const id = await connectedInstance(caller, `bot ${bots.length + 1}`)
      await caller.post(`/v1/instances/${id}/sandbox/faults`, { kind: 'hold_acks' })
      bots.push({ caller, id, ids: [], names: [] })
    }
  }, 60_000)
  beforeEach(async () => {
    await Promise.all(
      bots.map(async bot => {
        const text = { chat_id: SLOW, type: 'text', content: { text: 'held' } }
        const sends = Array.from({ length: EACH }, () => bot.caller.post(`/v1/instances/${bot.id}/messages`, text))
        bot.ids = (await Promise.all(sends)).map(({ body }) => body.id).sort()
        const named = await rows(
          'select whatsapp_id as name from message where instance_id = $1 and id = any($2) order by id',
          [bot.id, bot.ids],
        )
        bot.names = named.map(({ name }) => name)
      }),
    )
    counts = {}
    seen = count
  }, 60_000)
  const count = (name: string) => {
    counts[name] = (counts[name] ?? 0) + 1
  }

  /** The first goes at once; what comes while it does goes together. */
  const acks = (of: Bot[] = bots) =>
    of.map(({ id, names }) =>
      onAnswers(
        wataki.app,
        id,
        names.map(whatsappId => ({ kind: 'ack', whatsappId, errorCode: null })),
      ),
    )
  const rest = () => bots.filter((_, i) => i !== 1)

  /** Each has its events once and in order, under the name of its tenant, and its count is that of its events. */
  async function expectSent(of: Bot[] = bots): Promise<void> {
    for (const { caller, id, ids } of of) {
      const told = await rows(
        `select about, tenant_id as tenant, data ->> 'status' as status from event
         where instance_id = $1 and about = any($2) and type = 'message.status' order by seq`,
        [id, ids],
      )
      expect(told).toEqual(ids.map(about => ({ about, tenant: caller.tenantId, status: 'sent' })))
      const [counter] = await rows(
        `select last_seq::int as last, waiting, (select count(*)::int from event where instance_id = $1) as events,
           (select max(seq)::int from event where instance_id = $1) as seq from event_counter where instance_id = $1`,
        [id],
      )
      expect(counter).toEqual({ last: counter.events, waiting: 0, events: counter.events, seq: counter.events })
    }
  }

  it('are read by one statement and written by another, and told in the order of each', async () => {
    const told: HouseEvent[] = []
    const { bus } = wataki.app
    const { publish } = bus
    bus.publish = (...events) => {
      told.push(...events)
      publish(...events)
    }
    await Promise.all(acks()).finally(() => {
      bus.publish = publish
    })
    expect(counts).toMatchObject({ 'look-at-sent': 2, 'take-answers': 2 })
    expect(counts['lock-sent']).toBeUndefined()
    for (const { caller, id, ids } of bots) {
      const own = told.filter(({ instanceId }) => instanceId === id)
      expect(own.map(({ about, tenantId }) => [about, tenantId])).toEqual(ids.map(about => [about, caller.tenantId]))
      expect(own.map(({ seq }) => seq - own[0]!.seq)).toEqual([0, 1, 2])
    }
    await expectSent()
  })

  it('go without an instance of which a message was changed, which is taken on its own', async () => {
    seen = async name => {
      count(name)
      if (name === 'look-at-sent' && counts[name] === 2)
        await plain.query('update message set attempts = attempts + 1 where instance_id = $1 and id = $2', [
          bots[1]!.id,
          bots[1]!.ids[1],
        ])
    }
    await Promise.all(acks())
    expect(counts).toMatchObject({ 'look-at-sent': 3, 'take-answers': 3 })
    expect(counts['lock-sent']).toBeUndefined()
    await expectSent()
  })

  it('are taken on their own, each instance by itself, where the statement of all fails', async () => {
    const point = failBefore('take-answers', bots[1]!.id)
    await Promise.all(acks())
    expect(point.struck).toBe(1)
    expect(counts).toMatchObject({ 'look-at-sent': 5, 'take-answers': 4 })
    expect(counts['lock-sent']).toBeUndefined()
    await expectSent()
  })

  it.each([
    ['its count of events', 1, 'select from event_counter where instance_id = $1 for update'],
    ['its messages', 1, 'select from message where instance_id = $1 for update'],
    ['its row', 1, 'select from instance where id = $1 for update'],
    // The first finds nobody to go with.
    ['the count of events of the first', 0, 'select from event_counter where instance_id = $1 for update'],
  ])(
    'do not wait for one of which somebody holds %s',
    async (what, nth, hold) => {
      const done = Promise.withResolvers<void>()
      const held = Promise.withResolvers<void>()
      const holding = wataki.app.db.transaction(async sql => {
        await sql.query(hold, [bots[nth]!.id])
        held.resolve()
        await done.promise
      })
      await held.promise
      const all = acks()
      try {
        await Promise.all(all.filter((_, n) => n !== nth))
        await expectSent(bots.filter((_, n) => n !== nth))
        // Only the wait for a count is ended by its time: of the others nobody has waited.
        if (!what.includes('count of events')) expect(counts['take-answers']).toBeLessThanOrEqual(3)
      } finally {
        done.resolve()
        await holding
      }
      await all[nth]
      await expectSent()
    },
    25_000,
  )

  it('do not wait for one that is deleted meanwhile', async () => {
    const gone = bots[1]!
    seen = async name => {
      count(name)
      if (name === 'look-at-sent' && counts[name] === 2) await gone.caller.delete(`/v1/instances/${gone.id}`)
    }
    await Promise.all(acks())
    expect(await rows('select id from instance where id = $1', [gone.id])).toEqual([])
    expect(counts['take-answers']).toBe(2)
    bots = rest()
    await expectSent()
  })
})
