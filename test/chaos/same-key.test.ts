import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { acquaint } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { booksOf } from './books.ts'
import { between, form, PRELOAD, random, readyIn, report, wholeBetween } from './form.ts'

const KEYS = form(60, 500)
const KILLS = form(3, 50)
const CLIENTS = 8
const CONTACTS = ['5511988880001', '5511988880002', '5511988880003']
/** Half of the kills fall upon what keeps a first answer; the others come when they come. */
const POINTS = [
  'after:claim-first-answer',
  'before:keep-first-answer',
  'before:commit.keep-first-answer',
  'after:commit.keep-first-answer',
  'before:finish-first-answer',
  'after:finish-first-answer',
]

let world: World
let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  world = await openWorld({ settings: { DATABASE_URL: database.url }, preload: PRELOAD })
}, 120_000)
afterAll(async () => {
  await world?.close()
  await database?.drop()
}, 60_000)

interface Order {
  key: string
  contact: string
  text: string
  tries: number
  /** Of the first 202 that came. */
  answer: string | null
}

const orders: Order[] = Array.from({ length: KEYS }, (_, i) => ({
  key: `order-${i}`,
  contact: CONTACTS[i % CONTACTS.length]!,
  text: `order ${i}`,
  tries: 0,
  answer: null,
}))

async function ask(instanceId: string, order: Order): Promise<{ status: number; body: string } | null> {
  order.tries++
  const { contact, key, text } = order
  try {
    const response = await world.request('POST', `/instances/${instanceId}/messages`, {
      body: JSON.stringify({ chat_id: contact, type: 'text', content: { text } }),
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
    })
    return { status: response.status, body: await response.text() }
  } catch {
    return null
  }
}

/** As a careful client does: the same call with the same key, until there is an answer. */
async function insist(instanceId: string, order: Order): Promise<void> {
  while (order.answer === null) {
    while (!world.server.isUp) await sleep(20)
    const answer = await ask(instanceId, order)
    if (answer?.status === 202) order.answer = answer.body
    else if (answer && answer.status < 500 && answer.status !== 409) throw new Error(`refused: ${answer.body}`)
    else await sleep(100)
  }
}

async function client(instanceId: string, left: Order[]): Promise<void> {
  for (let order = left.shift(); order; order = left.shift()) await insist(instanceId, order)
}

async function killNow(isDone: () => boolean): Promise<void> {
  const { server } = world
  await sleep(between(100, 700))
  if (random() < 0.5) {
    await server.arm(`${POINTS[wholeBetween(0, POINTS.length - 1)]}:${wholeBetween(1, 5)}`)
    await Promise.race([server.ended(60_000), until(isDone, 'all are answered', 60_000)])
  }
  await server.kill()
  await server.start()
}

it(
  `D3: ${CLIENTS} clients repeat ${KEYS} calls with the same Idempotency-Key through ${KILLS} kills: one message and one answer each`,
  async () => {
    const instanceId = await world.link('shop')
    for (const contact of CONTACTS) await acquaint(world, instanceId, contact)
    const left = [...orders]
    const isDone = () => orders.every(order => order.answer !== null)
    const clients = Promise.all(Array.from({ length: CLIENTS }, () => client(instanceId, left)))
    let kills = 0
    for (; kills < KILLS && !isDone(); kills++) {
      // The kills are spread over all of the calls.
      const answered = () => orders.filter(order => order.answer !== null).length
      await Promise.race([
        until(() => answered() >= (KEYS * kills) / (KILLS + 1), 'calls are answered', 90_000),
        clients,
      ])
      await killNow(isDone)
    }
    await clients
    const again: Awaited<ReturnType<typeof ask>>[] = []
    for (const order of orders) again.push(await ask(instanceId, order))
    const shown: string[] = []
    const arrived = async () => {
      shown.length = 0
      for (const contact of CONTACTS) shown.push(...(await world.shown(instanceId, contact)))
      return orders.every(order => shown.includes(order.text))
    }
    await until(arrived, 'all are shown', 60_000).catch(() => {})
    const books = await booksOf(world)
    const times = (order: Order) => shown.filter(text => text === order.text).length
    report('same-key.test.ts', 'D3', {
      kills,
      keys: KEYS,
      tries: orders.reduce((sum, order) => sum + order.tries, 0) - KEYS,
      lost: orders.filter(order => times(order) === 0).length,
      doubled: orders.filter(order => times(order) > 1).length,
      'other answers': orders.filter((order, i) => again[i]?.body !== order.answer).length,
      ready: readyIn(world.server.readyMs),
    })
    expect(again).toEqual(orders.map(order => ({ status: 202, body: order.answer })))
    expect(orders.map(order => [order.text, times(order)])).toEqual(orders.map(order => [order.text, 1]))
    expect(new Set(orders.map(order => JSON.parse(order.answer!).id)).size).toBe(KEYS)
    expect(books).toEqual({
      used: KEYS + CONTACTS.length,
      counted: KEYS + CONTACTS.length,
      halves: [],
      gaps: [],
      rollups: [],
    })
  },
  300_000 + KILLS * 30_000,
)
