import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { rowsOf } from '../crash/rows.ts'
import { type Chat, judge, PERFECT, type Sent } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { between, form, random, readyIn, report } from './form.ts'

const CHATS = form(10, 20)
const EACH = form(20, 200)
const CLIENTS = 50
const KILLS = form(2, 20)

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

const chats: Chat[] = Array.from({ length: CHATS }, (_, i) => ({
  contact: `551198888${String(i).padStart(4, '0')}`,
  said: [],
  sent: [],
}))

/** All calls there are to make, the chats in no order. */
function calls(): Chat[] {
  const all = chats.flatMap(chat => Array.from({ length: EACH }, () => chat))
  for (let i = all.length - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1))
    ;[all[i], all[other]] = [all[other]!, all[i]!]
  }
  return all
}

async function client(instanceId: string, left: Chat[]): Promise<void> {
  for (let chat = left.pop(); chat; chat = left.pop()) {
    while (!world.server.isUp) await sleep(20)
    const text = `${chat.contact} ${chat.sent.length}`
    const sent: Sent = { text, startedMs: performance.now(), endedMs: Number.POSITIVE_INFINITY, id: null }
    chat.sent.push(sent)
    const answer = await world.send(instanceId, chat.contact, text).catch(() => null)
    sent.endedMs = performance.now()
    if (answer?.status === 202) sent.id = answer.body.id
    else if (answer && answer.status < 500) throw new Error(`refused: ${JSON.stringify(answer)}`)
  }
}

/** What the API tells of a chat and what its contact shows, where the two are not in the same order. */
async function disordered(instanceId: string): Promise<string[]> {
  const amiss: string[] = []
  for (const { contact } of chats) {
    const shown = await world.shown(instanceId, contact)
    const told = (await world.messages(instanceId, contact)).map(message => message.content.text)
    const at = told.findIndex((text, i) => text !== shown[i])
    if (at >= 0 || shown.length !== told.length) amiss.push(`${contact}: ${told[at]} is told, ${shown[at]} is shown`)
  }
  return amiss
}

it(
  `O1: ${CHATS} chats of ${EACH} messages by ${CLIENTS} clients through ${KILLS} kills: each contact sees the order of acceptance`,
  async () => {
    const instanceId = await world.link('crowded')
    const left = calls()
    const clients = Promise.all(Array.from({ length: CLIENTS }, () => client(instanceId, left)))
    clients.catch(() => {})
    for (let kill = 1; kill <= KILLS; kill++) {
      const wanted = CHATS * EACH * (1 - kill / (KILLS + 1))
      await Promise.race([until(() => left.length <= wanted, 'calls are made', 120_000), clients])
      await sleep(between(0, 300))
      await world.server.kill()
      await world.server.start()
    }
    await clients
    const arrived = async () => (await judge(world, instanceId, chats)).lost.length === 0
    await until(arrived, 'everything arrived', form(120_000, 600_000)).catch(() => {})
    // What nobody got an answer for may be on its way still.
    await until(async () => (await disordered(instanceId)).length === 0, 'the last are shown', 15_000).catch(() => {})
    const verdict = await judge(world, instanceId, chats)
    const rows = await rowsOf(world, instanceId)
    report('order.test.ts', 'O1', {
      kills: KILLS,
      messages: chats.flatMap(chat => chat.sent).filter(sent => sent.id !== null).length,
      lost: verdict.lost.length,
      doubled: verdict.doubled.length,
      inversions: verdict.inverted.length,
      'sent again': rows.sentAgain,
      ready: readyIn(world.server.readyMs),
    })
    expect(verdict).toEqual(PERFECT)
    expect(await disordered(instanceId)).toEqual([])
  },
  form(300_000, 1_200_000) + KILLS * 30_000,
)
