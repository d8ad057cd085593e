import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { acquaint, PERFECT, Traffic } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { openReceiver, RECEIVABLE, type Received, type Receiver } from '../support/receiver.ts'
import { booksOf } from './books.ts'
import { between, form, PRELOAD, random, readyIn, report, wholeBetween } from './form.ts'

const KILLS = form(3, 50)
const TIMES = form(1, 20)
const TIMEOUT_MS = 1_000
/** What one process may have in hand of one webhook. */
const IN_HAND = 20
const TRIES = 4
const MOST_PASSED = 5
const SETTINGS = { ...RECEIVABLE, WEBHOOK_RETRY_BASE_MS: '50', WEBHOOK_TIMEOUT_MS: String(TIMEOUT_MS) }
/** Two for the same instance, each with events of its own choice. */
const HOOKS: Record<string, string[]> = {
  all: ['message.received', 'message.status', 'message.created', 'connection.update'],
  some: ['message.received', 'message.status'],
}

/** Each moment of an event on its way to a receiver, and where the process ends in it. */
const POINTS: [string, string][] = [
  ['after the commit of an event and before anybody is told', 'after:commit.record-event'],
  ['after the events of answers are written and before anybody is told', 'after:take-answers'],
  ['after a webhook is claimed and before the POST', 'after:claim-webhook'],
  ['after the 2xx and before it is written', 'before:record-tries'],
  ['once it is written', 'after:record-tries'],
]

let world: World
let database: TestDatabase
let receiver: Receiver
let taken: Received[]
beforeAll(async () => {
  database = await testDatabase()
  world = await openWorld({ settings: { ...SETTINGS, DATABASE_URL: database.url }, preload: PRELOAD })
}, 120_000)
beforeEach(async () => {
  receiver = await openReceiver()
  taken = []
  receiver.answer(moody)
})
afterEach(() => receiver.close())
afterAll(async () => {
  await world?.close()
  await database?.drop()
}, 60_000)

/** Of ten three are refused, one hangs, one is reset, five are taken. */
function moody(received: Received, response: ServerResponse): void {
  const drawn = random()
  if (drawn < 0.3) response.writeHead(wholeBetween(500, 504)).end('not now')
  else if (drawn < 0.4) response.socket?.setTimeout(0)
  else if (drawn < 0.5) response.socket?.resetAndDestroy()
  else {
    taken.push(received)
    response.writeHead(200).end()
  }
}

/** An instance with both webhooks, and the count of its last event before them: nothing happens meanwhile. */
async function prepare(name: string, contacts: string[]): Promise<Prepared> {
  const instanceId = await world.link(name)
  for (const contact of contacts) await acquaint(world, instanceId, contact)
  let after = -1
  const isQuiet = async () => {
    const before = after
    after = await lastSeq(instanceId)
    await sleep(300)
    return after === before
  }
  await until(isQuiet, 'nothing happens')
  for (const [hook, events] of Object.entries(HOOKS)) {
    const made = await world.call('POST', `/instances/${instanceId}/webhooks`, {
      url: `${receiver.url}?${hook}`,
      events,
    })
    if (made.status !== 201) throw new Error(`no webhook: ${JSON.stringify(made)}`)
  }
  return { instanceId, after }
}

interface Prepared {
  instanceId: string
  after: number
}

const lastSeq = (instanceId: string): Promise<number> =>
  world.withDatabase(async ({ sql }) => {
    const [row] = await sql.query<{ seq: number }>('select max(seq)::int as seq from event where instance_id = $1', [
      instanceId,
    ])
    return row!.seq
  })

interface Rows {
  asked: number
  /** Events that a webhook had asked for, without exactly one delivery to it; and deliveries of no such event. */
  amiss: string[]
  pending: number
  delivered: string[]
  failed: string[]
  /** Ended, and not as it should: in 2xx, or with the last of four tries. */
  endedAmiss: string[]
}

/** As the tables have it, told as `<event> <hook>`. */
const rowsOf = ({ instanceId, after }: Prepared): Promise<Rows> =>
  world.withDatabase(async ({ sql }) => {
    const rows = await sql.query<{ name: string; asked: boolean; times: number; status: string; kept: string }>(
      `with hook as (select *, split_part(url, '?', 2) as name from webhook where instance_id = $1),
         asked as (
           select event.id || ' ' || hook.name as name from event, hook where event.instance_id = $1
             and event.seq > $2 and event.type = any(hook.events)),
         made as (
           select d.event_id || ' ' || hook.name as name, count(*)::int as times, min(d.status) as status,
             min(d.attempts || ' ' || jsonb_array_length(d.tries) || ' ' || coalesce(d.tries->-1->>'statusCode', '-')) as kept
           from webhook_delivery d join hook on hook.id = d.webhook_id group by 1)
       select name, asked.name is not null as asked, coalesce(times, 0) as times, coalesce(status, '-') as status,
         coalesce(kept, '-') as kept from asked full join made using (name)`,
      [instanceId, after],
    )
    const names = (of: typeof rows) => of.map(row => row.name)
    const isAmiss = ({ status, kept }: (typeof rows)[number]) =>
      (status === 'delivered' && !/ 200$/.test(kept)) || (status === 'failed' && !kept.startsWith(`${TRIES} ${TRIES} `))
    return {
      asked: rows.filter(row => row.asked).length,
      amiss: rows.filter(row => !row.asked || row.times !== 1).map(row => `${row.name}: ${row.times}`),
      pending: rows.filter(row => row.status === 'pending').length,
      delivered: names(rows.filter(row => row.status === 'delivered')),
      failed: names(rows.filter(row => row.status === 'failed')),
      endedAmiss: rows.filter(isAmiss).map(row => `${row.name}: ${row.status} after ${row.kept}`),
    }
  })

const nameOf = ({ headers, path }: Received): string => `${headers['webhook-id']} ${path.split('?')[1]}`

/** What the receiver saw, by itself. */
function seen() {
  const bodies = new Map<string, Set<string>>()
  for (const each of receiver.got) bodies.set(nameOf(each), (bodies.get(nameOf(each)) ?? new Set()).add(each.raw))
  const takenNames = new Set(taken.map(nameOf))
  return {
    taken: takenNames,
    repeated: taken.length - takenNames.size,
    /** The same event with other bytes. */
    changed: [...bodies].filter(([, all]) => all.size !== 1).map(([name]) => name),
  }
}

/** After the last kill: waits until nothing is on its way, tells the figures, and holds them against each other. */
async function judgeAll(of: { what: string; prepared: Prepared; traffic: Traffic; kills: number; readyMs: number[] }) {
  const { prepared, traffic, kills } = of
  await until(() => traffic.arrived(), 'everything arrived', form(60_000, 300_000)).catch(() => {})
  await until(async () => (await rowsOf(prepared)).pending === 0, 'every delivery ended', form(120_000, 600_000)).catch(
    () => {},
  )
  const rows = await rowsOf(prepared)
  const books = await booksOf(world)
  const { taken, repeated, changed } = seen()
  const lost = rows.delivered.filter(name => !taken.has(name))
  const most = kills * IN_HAND * Object.keys(HOOKS).length
  report('webhooks.test.ts', of.what, {
    kills,
    deliveries: rows.asked,
    arrivals: receiver.got.length,
    delivered: rows.delivered.length,
    failed: rows.failed.length,
    lost: rows.amiss.length + lost.length + rows.pending,
    'taken again': `${repeated} (at most ${most})`,
    ready: readyIn(of.readyMs),
  })
  expect(await traffic.verdict()).toEqual(PERFECT)
  expect(rows).toMatchObject({ amiss: [], pending: 0, endedAmiss: [] })
  expect(rows.delivered.length + rows.failed.length).toBe(rows.asked)
  expect({ lost, changed }).toEqual({ lost: [], changed: [] })
  expect(repeated).toBeLessThanOrEqual(most)
  expect(books).toMatchObject({ halves: [], gaps: [], rollups: [] })
}

describe('W2, W9: a receiver that takes half of what it is sent', () => {
  it(
    `through ${KILLS} kills: each event ends in 2xx or after ${TRIES} tries, none is lost, its bytes are the same`,
    async () => {
      const contacts = ['5511977770001', '5511977770002']
      const prepared = await prepare('killed', contacts)
      const traffic = new Traffic(world, { instanceId: prepared.instanceId, contacts, random })
      try {
        for (let kill = 0; kill < KILLS; kill++) {
          // What a dead process has claimed is nobody's for a while: mostly amid deliveries, sometimes before any.
          const before = receiver.got.length
          if (random() < 0.8) await until(() => receiver.got.length > before + 5, 'deliveries arrive', 60_000)
          await sleep(between(0, 500))
          await world.server.kill()
          await world.server.start()
        }
        await sleep(form(500, 2_000))
      } finally {
        await traffic.stop()
      }
      await judgeAll({ what: 'W2', prepared, traffic, kills: KILLS, readyMs: world.server.readyMs })
    },
    form(300_000, 1_200_000) + KILLS * 30_000,
  )
})

describe.each(POINTS)('D2: killed %s', (moment, point) => {
  it(
    `${TIMES} times, at ${point}: no event is lost on its way to a receiver, and none has two deliveries`,
    async () => {
      const number = POINTS.findIndex(([, each]) => each === point)
      const contacts = [`55119666000${number}`]
      const prepared = await prepare(`point ${number}`, contacts)
      const traffic = new Traffic(world, { instanceId: prepared.instanceId, contacts, random })
      const startsBefore = world.server.readyMs.length
      try {
        for (let kill = 0; kill < TIMES; kill++) {
          const before = receiver.got.length
          await until(() => receiver.got.length > before + 5, 'deliveries arrive', 60_000)
          await world.server.arm(`${point}:${wholeBetween(1, MOST_PASSED)}`)
          await world.server.ended(60_000)
          await world.server.start()
        }
      } finally {
        await traffic.stop()
      }
      const readyMs = world.server.readyMs.slice(startsBefore - 1)
      await judgeAll({ what: `D2 ${moment}`, prepared, traffic, kills: TIMES, readyMs })
    },
    form(300_000, 1_200_000) + TIMES * 30_000,
  )
})
