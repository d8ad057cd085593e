import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { rowsOf } from '../crash/rows.ts'
import { acquaint, PERFECT, Traffic } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { booksOf } from './books.ts'
import { between, form, random, readyIn, report } from './form.ts'

const KILLS = form(4, 50)
const MESSAGES = form(80, 1_000)
const CONTACTS = ['5511988880001', '5511988880002', '5511988880003']

let world: World
beforeAll(async () => void (world = await openWorld()), 120_000)
afterAll(() => world?.close(), 30_000)

it(
  `D1: of ${MESSAGES} messages accepted during ${KILLS} kills at random moments each is shown exactly once, and counted once`,
  async () => {
    const instanceId = await world.link('killed')
    for (const contact of CONTACTS) await acquaint(world, instanceId, contact)
    const traffic = new Traffic(world, { instanceId, contacts: CONTACTS, random, only: 'out' })
    const accepted = (count: number) => until(() => traffic.accepted >= count, `${count} messages are accepted`, 60_000)
    try {
      for (let kill = 1; kill <= KILLS; kill++) {
        await accepted((MESSAGES * kill) / (KILLS + 1))
        await sleep(between(0, 300))
        await world.server.kill()
        await world.server.start()
      }
      await accepted(MESSAGES)
    } finally {
      await traffic.stop()
    }
    await until(() => traffic.arrived(), 'everything arrived', 60_000).catch(() => {})
    const verdict = await traffic.verdict()
    const rows = await rowsOf(world, instanceId)
    const books = await booksOf(world)
    report('random-kills.test.ts', 'D1', {
      kills: KILLS,
      messages: traffic.accepted,
      lost: verdict.lost.length,
      doubled: verdict.doubled.length,
      'sent again': rows.sentAgain,
      used: books.used,
      ready: readyIn(world.server.readyMs),
    })
    expect(verdict).toEqual(PERFECT)
    expect(rows).toMatchObject({ eventsAmiss: [], statusTwice: [] })
    expect(books).toEqual({ used: books.counted, counted: books.counted, halves: [], gaps: [], rollups: [] })
    expect(books.used).toBeGreaterThanOrEqual(traffic.accepted)
  },
  180_000 + KILLS * 15_000,
)
