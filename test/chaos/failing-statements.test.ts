import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { acquaint } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { booksOf } from './books.ts'
import { form, PRELOAD, random, report, SEED, wholeBetween } from './form.ts'

const REQUESTS = form(1_000, 10_000)
const CLIENTS = 24
const RATE = 0.01
const CONTACTS = ['5511988880001', '5511988880002', '5511988880003', '5511988880004']

let world: World
let database: TestDatabase
let instanceId: string
beforeAll(async () => {
  database = await testDatabase()
  world = await openWorld({ settings: { DATABASE_URL: database.url }, preload: PRELOAD })
  instanceId = await world.link('unlucky')
  for (const contact of CONTACTS) await acquaint(world, instanceId, contact)
}, 120_000)
afterAll(async () => {
  await world?.close()
  await database?.drop()
}, 60_000)

interface Order {
  contact: string
  text: string
  key: string | null
  /** Of the 202, when it came. */
  id: string | null
}

const orders: Order[] = []
const said: string[] = []
const outcomes = new Map<string, number>()
const misshapen: string[] = []

/** Notes what came, and whether what went wrong is told as the contract says. */
async function ask(method: string, path: string, init?: Parameters<World['request']>[2]) {
  const response = await world.request(method, path, init)
  const text = await response.text()
  const { error } = response.status >= 400 ? JSON.parse(text) : { error: null }
  const outcome = error ? `${response.status} ${error.code}` : String(response.status)
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  if (response.status >= 400) {
    const isShaped = typeof error?.code === 'string' && typeof error.message === 'string' && 'details' in error
    // The words of the database are for the log.
    if (!isShaped || /chaos|function|select/i.test(text)) misshapen.push(`${response.status} ${text}`)
  }
  return { status: response.status, text }
}

async function send(order: Order): Promise<void> {
  const { contact, text, key } = order
  const { status, text: answer } = await ask('POST', `/instances/${instanceId}/messages`, {
    body: JSON.stringify({ chat_id: contact, type: 'text', content: { text } }),
    headers: { 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
  })
  if (status === 202) order.id = JSON.parse(answer).id
}

async function oneRequest(number: number): Promise<void> {
  const drawn = random()
  const contact = CONTACTS[wholeBetween(0, CONTACTS.length - 1)]!
  if (drawn < 0.6) {
    const order = { contact, text: `out ${number}`, key: random() < 0.5 ? randomUUID() : null, id: null }
    orders.push(order)
    await send(order)
  } else if (drawn < 0.75) await ask('GET', `/instances/${instanceId}/messages?chat_id=${contact}&limit=5`)
  else if (drawn < 0.85) await ask('GET', `/instances/${instanceId}`)
  else if (drawn < 0.9) {
    const name = JSON.stringify({ name: `other ${number}` })
    await ask('POST', '/instances', { body: name, headers: { 'content-type': 'application/json' } })
  } else await world.say(instanceId, contact, said[said.push(`in ${number}`) - 1]!)
}

/** The clients, each with the next request when it has its answer. */
async function load(): Promise<void> {
  let number = 0
  const client = async () => {
    while (number < REQUESTS) await oneRequest(number++)
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
}

/** Of each side, before it begins. */
const GREETINGS = 1

async function seen() {
  const shown: string[] = []
  const stored: { id: string; text: string }[] = []
  const heard: string[] = []
  for (const contact of CONTACTS) {
    shown.push(...(await world.shown(instanceId, contact)).slice(GREETINGS))
    for (const { id, direction, content } of (await world.messages(instanceId, contact)).slice(2 * GREETINGS)) {
      if (direction === 'outbound') stored.push({ id, text: content.text })
      else heard.push(content.text)
    }
  }
  return { shown, stored, heard }
}

it(
  `D7: ${REQUESTS} requests while ${RATE * 100} % of the statements fail: no 202 without its row, nothing half-written`,
  async () => {
    const { pid } = world.server
    await world.server.arm(`fail:${RATE}:${SEED}`)
    await load()
    await world.server.arm('')
    const accepted = orders.filter(order => order.id !== null)
    const arrived = async () => {
      const { shown, heard } = await seen()
      return accepted.every(({ text }) => shown.includes(text)) && said.every(text => heard.includes(text))
    }
    await until(arrived, 'everything arrived', form(120_000, 600_000)).catch(() => {})
    // What was written although its caller was told otherwise may be on its way still.
    await sleep(2_000)
    const { shown, stored, heard } = await seen()
    const books = await booksOf(world)
    const times = (texts: string[], text: string) => texts.filter(each => each === text).length
    const lost = accepted.filter(({ id, text }) => !stored.some(row => row.id === id && row.text === text))
    const amiss = [
      ...lost.map(({ text }) => `${text} was accepted and has no row`),
      ...accepted.filter(({ text }) => times(shown, text) !== 1).map(({ text }) => `${text} is not shown once`),
      ...stored.filter(({ text }) => times(shown, text) > 1).map(({ text }) => `${text} is shown twice`),
      ...said.filter(text => times(heard, text) !== 1).map(text => `${text} is not heard once`),
    ]
    report('failing-statements.test.ts', 'D7', {
      requests: REQUESTS,
      answers: [...outcomes]
        .sort()
        .map(([outcome, count]) => `${count} x ${outcome}`)
        .join('; '),
      accepted: accepted.length,
      amiss: amiss.length,
      halves: books.halves.length,
      misshapen: misshapen.length,
    })
    expect(misshapen).toEqual([])
    expect(amiss).toEqual([])
    expect(books).toEqual({ used: books.counted, counted: books.counted, halves: [], gaps: [], rollups: [] })
    expect(world.server.isUp && world.server.pid === pid, 'the process survived').toBe(true)
    for (const order of accepted.filter(({ key }) => key !== null)) {
      const { id } = order
      await send(order)
      expect(order.id, `${order.text} again`).toBe(id)
    }
  },
  form(300_000, 1_200_000) + REQUESTS * 100,
)
