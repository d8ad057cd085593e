import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { rowsOf } from '../crash/rows.ts'
import { acquaint, type Chat, judge, PERFECT } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { booksOf } from './books.ts'
import { between, form, readyIn, report } from './form.ts'

const MESSAGES = form(80, 1_000)
const KILLS = form(3, 50)
const CONTACTS = ['5511988880001', '5511988880002', '5511988880003', '5511988880004']

let world: World
let database: TestDatabase
beforeAll(async () => {
  database = await testDatabase()
  world = await openWorld({ settings: { DATABASE_URL: database.url } })
}, 120_000)
afterAll(async () => {
  await world?.close()
  await database?.drop()
}, 60_000)

const chats: Chat[] = CONTACTS.map(contact => ({ contact, said: [], sent: [] }))

/** The network has them, whatever the server does. */
async function say(instanceId: string, count: number): Promise<void> {
  const one = async (chat: Chat, many: number) => {
    for (let i = 0; i < many; i++) {
      const text = `in ${chat.contact} ${chat.said.length}`
      chat.said.push(text)
      await world.say(instanceId, chat.contact, text)
      await sleep(between(0, 40))
    }
  }
  await Promise.all(chats.map(chat => one(chat, Math.ceil(count / chats.length))))
}

it(
  `D4: ${MESSAGES} messages of contacts during ${KILLS} kills: each is stored exactly once, and has exactly one event`,
  async () => {
    const instanceId = await world.link('heard')
    for (const contact of CONTACTS) await acquaint(world, instanceId, contact)
    for (let kill = 0; kill < KILLS; kill++) {
      const saying = say(instanceId, MESSAGES / KILLS)
      await sleep(between(0, 300))
      await world.server.kill()
      await world.server.start()
      await saying
    }
    const arrived = async () => (await judge(world, instanceId, chats)).lost.length === 0
    await until(arrived, 'everything arrived', 60_000).catch(() => {})
    const verdict = await judge(world, instanceId, chats)
    const rows = await rowsOf(world, instanceId)
    const books = await booksOf(world)
    report('inbound.test.ts', 'D4', {
      kills: KILLS,
      messages: chats.reduce((sum, chat) => sum + chat.said.length, 0),
      lost: verdict.lost.length,
      doubled: verdict.doubled.length,
      'events amiss': rows.eventsAmiss.length,
      undecryptable: world.unreadable(),
      ready: readyIn(world.server.readyMs),
    })
    expect(verdict).toEqual(PERFECT)
    expect(rows).toMatchObject({ eventsAmiss: [], readTwice: 0 })
    expect(books).toMatchObject({ halves: [], gaps: [] })
    expect(world.unreadable()).toBe(0)
  },
  180_000 + KILLS * 20_000,
)
