import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cable, openCable } from '../crash/cable.ts'
import { type Environment, until } from '../crash/processes.ts'
import { rowsOf } from '../crash/rows.ts'
import { acquaint, PERFECT, Traffic } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { booksOf } from './books.ts'
import { form, PRELOAD, random, readyIn, report, wholeBetween } from './form.ts'

/** Each moment of a message's way out, and where the process ends in it. */
const POINTS: [string, string][] = [
  ['before its row is written', 'before:accept-message'],
  ['after its row is written, by a statement of its own or in a transaction', 'after:accept-message'],
  ['after its row is written and before the commit', 'before:commit.accept-message'],
  ['after the commit and before the 202', 'after:commit.accept-message'],
  ['after it was claimed', 'after:claim-pending'],
  ['before the ratchet is committed', 'before:vault_commit'],
  ['after the ratchet is committed', 'after:vault_commit'],
  ['once it is on the wire', 'wire'],
  ["after the network's ack", 'before:look-at-sent'],
  ['before its status and its event are written', 'before:take-answers'],
  ['after its status and its event are written', 'after:take-answers'],
]
const TIMES = form(1, 20)
const MOST_PASSED = 5
/** A message is longer than what else goes up. */
const MESSAGE_BYTES = 150

let cable: Cable
let world: World
let database: TestDatabase
let instanceId: string
beforeAll(async () => {
  database = await testDatabase()
  const reach = async (printed: Environment) => {
    cable = await openCable(printed.WHATSAPP_WS_URL!)
    return { ...printed, WHATSAPP_WS_URL: cable.url }
  }
  world = await openWorld({ reach, settings: { DATABASE_URL: database.url }, preload: PRELOAD })
  instanceId = await world.link('killed')
}, 120_000)
afterAll(async () => {
  await world?.close()
  await cable?.close()
  await database?.drop()
}, 60_000)

/** Has the server end at the point, when it has been passed so many times. */
async function armAt(point: string, passes: number): Promise<void> {
  if (point !== 'wire') return world.server.arm(`${point}:${passes}`)
  let left = passes
  cable.watch((direction, bytes) => {
    if (direction === 'up' && bytes >= MESSAGE_BYTES && --left === 0) void world.server.kill()
  })
}

/** Most of the time amid traffic; sometimes at the point of what an earlier end left, while it starts. */
async function endAt(traffic: Traffic, point: string): Promise<void> {
  const wanted = traffic.accepted + 2
  await until(() => traffic.accepted >= wanted, 'messages are accepted', 60_000)
  await armAt(point, wholeBetween(1, MOST_PASSED))
  await world.server.ended(60_000)
  cable.watch(null)
  if (point !== 'wire' && random() < form(0, 0.25)) {
    await world.server.start({ KILL_AT: `${point}:1` }).catch(() => {})
    // Whoever starts it on other days has traffic; here the point may be one that only traffic passes.
    await Promise.race([world.server.ended(60_000), sleep(5_000)])
    await world.server.kill()
  }
  await world.server.start()
}

describe.each(POINTS)('D2: killed %s', (moment, point) => {
  it(
    `${TIMES} times, at ${point}: no accepted message is lost, none is shown twice, the books agree`,
    async () => {
      const number = POINTS.findIndex(([, each]) => each === point)
      const contacts = [1, 2].map(n => `55119888${String(number).padStart(3, '0')}${n}`)
      for (const contact of contacts) await acquaint(world, instanceId, contact)
      const traffic = new Traffic(world, { instanceId, contacts, random, only: 'out' })
      const startsBefore = world.server.readyMs.length
      try {
        for (let kill = 0; kill < TIMES; kill++) await endAt(traffic, point)
        const wanted = traffic.accepted + 2
        await until(() => traffic.accepted >= wanted, 'messages are accepted', 60_000)
      } finally {
        cable.watch(null)
        await traffic.stop()
      }
      await until(() => traffic.arrived(), 'everything arrived', 60_000).catch(() => {})
      const verdict = await traffic.verdict()
      const rows = await rowsOf(world, instanceId)
      const books = await booksOf(world)
      report('failpoints.test.ts', `D2 ${moment}`, {
        kills: world.server.readyMs.length - startsBefore,
        messages: traffic.accepted,
        lost: verdict.lost.length,
        doubled: verdict.doubled.length,
        'sent again so far': rows.sentAgain,
        ready: readyIn(world.server.readyMs.slice(startsBefore - 1)),
      })
      expect(verdict).toEqual(PERFECT)
      expect(rows).toMatchObject({ eventsAmiss: [], statusTwice: [] })
      expect(books).toEqual({ used: books.counted, counted: books.counted, halves: [], gaps: [], rollups: [] })
    },
    180_000 + TIMES * 20_000,
  )
})
