import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { rowsOf } from '../crash/rows.ts'
import { acquaint, type Chat, judge, PERFECT } from '../crash/traffic.ts'
import { openWorld, type World, wordsOf } from '../crash/world.ts'
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

/** One in five is a picture, whose bytes tell it from all others. */
const PICTURES = 5
const isPicture = (number: number): boolean => number % PICTURES === 0
const bytesOf = (text: string): Buffer => Buffer.from(`the picture of ${text} `.repeat(200))

/** The network has them, whatever the server does. */
async function say(instanceId: string, count: number): Promise<void> {
  const one = async (chat: Chat, many: number) => {
    const { contact } = chat
    for (let i = 0; i < many; i++) {
      const number = chat.said.length
      const text = `in ${contact} ${number}`
      chat.said.push(text)
      if (isPicture(number)) await world.show(instanceId, contact, { caption: text, bytes: bytesOf(text) })
      else await world.say(instanceId, contact, text)
      await sleep(between(0, 40))
    }
  }
  await Promise.all(chats.map(chat => one(chat, Math.ceil(count / chats.length))))
}

interface Pictures {
  count: number
  /** Without the bytes that were sent. */
  amiss: string[]
  /** Rows of media that belong to no message alone. */
  rowsAmiss: number
}

async function pictures(instanceId: string): Promise<Pictures> {
  const amiss: string[] = []
  let count = 0
  for (const { contact } of chats) {
    for (const message of await world.messages(instanceId, contact)) {
      if (!message.content.media) continue
      count++
      const path = `/instances/${instanceId}/media/${message.content.media.media_id}/content`
      const response = await world.request('GET', path)
      const bytes = Buffer.from(await response.arrayBuffer())
      if (!bytes.equals(bytesOf(wordsOf(message)))) amiss.push(`${wordsOf(message)}: ${response.status}`)
    }
  }
  const rowsAmiss = await world.withDatabase(async ({ sql }) => {
    const [row] = await sql.query<{ amiss: number }>(
      `select (select count(*)::int from media m where not exists (
           select from message where id = m.message_id and media_id = m.id))
         + (select count(*)::int - count(distinct message_id)::int from media) as amiss`,
    )
    return row!.amiss
  })
  return { count, amiss, rowsAmiss }
}

it(
  `D4: ${MESSAGES} messages of contacts during ${KILLS} kills: each is stored exactly once with one event, each picture with its bytes`,
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
    const seen = await pictures(instanceId)
    report('inbound.test.ts', 'D4', {
      kills: KILLS,
      messages: chats.reduce((sum, chat) => sum + chat.said.length, 0),
      lost: verdict.lost.length,
      doubled: verdict.doubled.length,
      pictures: seen.count,
      'pictures amiss': seen.amiss.length,
      'events amiss': rows.eventsAmiss.length,
      undecryptable: world.unreadable(),
      ready: readyIn(world.server.readyMs),
    })
    expect(verdict).toEqual(PERFECT)
    expect(rows).toMatchObject({ eventsAmiss: [], readTwice: 0 })
    expect(books).toMatchObject({ halves: [], gaps: [], rollups: [] })
    const shown = chats.reduce((sum, chat) => sum + chat.said.filter((_, i) => isPicture(i)).length, 0)
    expect(seen).toEqual({ count: shown, amiss: [], rowsAmiss: 0 })
    expect(world.unreadable()).toBe(0)
  },
  180_000 + KILLS * 20_000,
)
