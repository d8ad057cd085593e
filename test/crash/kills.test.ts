import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from './processes.ts'
import { type Rows, rowsOf } from './rows.ts'
import { acquaint, chance, PERFECT, Traffic, type Verdict } from './traffic.ts'
import { openWorld, type World } from './world.ts'

/** A run by hand may ask for more, and for the very run of a seed that failed. */
const KILLS = Number(process.env.CRASH_KILLS ?? 5)
const SEED = Number(process.env.CRASH_SEED ?? randomInt(2 ** 31))
const CONTACTS = ['5511988880001', '5511988880002', '5511988880003']
const SETTLED_MS = 60_000

const random = chance(SEED)
const between = (least: number, most: number): number => least + random() * (most - least)

let world: World
beforeAll(async () => void (world = await openWorld()), 60_000)
afterAll(() => world?.close(), 30_000)

it('a server pointed at a sandbox of its own process links an ordinary instance, sends and receives', async () => {
  const id = await world.link('ordinary')
  const { body } = await world.call<{ sandbox: boolean }>('GET', `/instances/${id}`)
  expect(body.sandbox).toBe(false)
  const sent = await world.send(id, CONTACTS[0]!, 'Hello')
  expect(sent).toMatchObject({ status: 202, body: { status: 'sent' } })
  await until(async () => (await world.shown(id, CONTACTS[0]!)).includes('Hello'), 'the text at the contact')
  await world.say(id, CONTACTS[0]!, 'Hi back')
  const received = async () => (await world.messages(id, CONTACTS[0]!)).map(message => message.content.text)
  await until(async () => (await received()).includes('Hi back'), 'the reply in the API')
})

interface Run {
  verdict: Verdict
  rows: Rows
  unreadable: number
  traffic: Traffic
}

/** Traffic both ways while `crash` does its worst; then as long as it takes until nothing is missing, bounded. */
async function traffic(name: string, crash: (traffic: Traffic) => Promise<void>): Promise<Run> {
  const instanceId = await world.link(name)
  const unreadableBefore = world.unreadable()
  for (const contact of CONTACTS) await acquaint(world, instanceId, contact)
  const running = new Traffic(world, { instanceId, contacts: CONTACTS, random })
  try {
    await until(() => running.accepted > 5 && running.said > 5, 'traffic in both directions')
    await crash(running)
  } finally {
    await running.stop()
  }
  await until(() => running.arrived(), 'everything arrived', SETTLED_MS).catch(() => {})
  const unreadable = world.unreadable() - unreadableBefore
  return { traffic: running, verdict: await running.verdict(), rows: await rowsOf(world, instanceId), unreadable }
}

describe(`messages both ways while the server is killed with -9 (${KILLS} times, CRASH_SEED=${SEED})`, () => {
  let run: Run
  beforeAll(
    async () => {
      run = await traffic('killed', killAtRandom)
      const { traffic: by, verdict, rows } = run
      const figures = `${by.said} messages in, ${by.accepted} accepted out of ${by.chats.flatMap(chat => chat.sent).length} tried`
      const ready = world.server.readyMs
        .slice(1)
        .map(Math.round)
        .sort((a, b) => a - b)
      console.log(
        `crash: seed ${SEED}, ${KILLS} kills, ${figures}, lost ${verdict.lost.length}, doubled ${verdict.doubled.length}, ` +
          `sent again ${rows.sentAgain}, undecryptable ${run.unreadable}, ready again in ${ready[0]}-${ready.at(-1)} ms`,
      )
    },
    60_000 + SETTLED_MS + KILLS * 10_000,
  )

  it('inbound is stored before its receipt goes out: nothing is lost, nothing is doubled, the order holds', () => {
    expect(run.verdict).toEqual(PERFECT)
    expect(run.traffic.said).toBeGreaterThan(10 * KILLS)
  })

  it('each received message has exactly one event, and no status is reported twice', () => {
    expect(run.rows).toMatchObject({ eventsAmiss: [], statusTwice: [] })
  })

  it('what was accepted with 202 before a crash is shown exactly once after it, in order, and its status tells', () => {
    expect(run.verdict).toEqual(PERFECT)
    expect(run.traffic.accepted).toBeGreaterThan(2 * KILLS)
  })

  it('no ciphertext has to be asked for again', () => {
    expect(run.unreadable).toBe(0)
    expect(run.rows.readTwice).toBe(0)
  })
})

/** Some while it starts, some as soon as it is ready, most when messages pass again. */
async function killAtRandom(traffic: Traffic): Promise<void> {
  const { server } = world
  for (let kill = 0; kill < KILLS; kill++) {
    const kind = random()
    if (kind > 0.4) await moreAccepted(traffic, 5)
    await sleep(between(0, 800))
    await server.kill()
    if (kind < 0.2 && ++kill < KILLS) {
      const starting = server.start().catch(() => {})
      await sleep(between(50, 1_500))
      await server.kill()
      await starting
    }
    await server.start()
  }
  await moreAccepted(traffic, 5)
}

const moreAccepted = (traffic: Traffic, count: number): Promise<void> => {
  const wanted = traffic.accepted + count
  return until(() => traffic.accepted >= wanted, 'messages are accepted')
}

it('kill -9 of everything at once, server and PostgreSQL, loses no acknowledged message', async () => {
  const { verdict, rows } = await traffic('everything', async running => {
    for (let kill = 0; kill < 2; kill++) {
      await moreAccepted(running, 5)
      await sleep(between(0, 500))
      await world.server.killAll()
      await world.server.start()
    }
  })
  expect(verdict).toEqual(PERFECT)
  expect(rows).toMatchObject({ eventsAmiss: [], statusTwice: [], readTwice: 0 })
}, 90_000)

it('SIGTERM amid traffic: exit code 0 within 10 s, and no accepted message is lost', async () => {
  const { verdict, rows } = await traffic('drained', async running => {
    await moreAccepted(running, 5)
    await sleep(between(0, 500))
    const { code, tookMs } = await world.server.terminate()
    expect(code).toBe(0)
    expect(tookMs).toBeLessThan(10_000)
    await world.server.start()
  })
  expect(verdict).toEqual(PERFECT)
  expect(rows).toMatchObject({ eventsAmiss: [], statusTwice: [], readTwice: 0 })
}, 90_000)
