import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../crash/processes.ts'
import { acquaint, type Chat, judge, PERFECT, type Sent } from '../crash/traffic.ts'
import { openWorld, type World } from '../crash/world.ts'
import { booksOf } from './books.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { form, report } from './form.ts'

const OUTAGE_MS = form(5_000, 30_000)
const ANSWER_WITHIN_MS = 2_000
const BACK_WITHIN_MS = 5_000
const CLIENTS = 4

let cluster: Cluster
let world: World
let instanceId: string
beforeAll(async () => {
  cluster = await openCluster()
  world = await openWorld({ settings: { DATABASE_URL: cluster.url } })
  instanceId = await world.link('patient')
}, 120_000)
afterAll(async () => {
  await world?.close()
  await cluster?.close()
}, 60_000)

interface Call extends Sent {
  status: number
}

const tookMs = (call: Call): number => Math.round(call.endedMs - call.startedMs)

/** Clients that call again as soon as they have an answer, each in a chat of its own. */
async function load(chats: (Chat & { sent: Call[] })[], isOver: () => boolean): Promise<void> {
  const client = async (chat: Chat & { sent: Call[] }) => {
    while (!isOver()) {
      const text = `${chat.contact} ${chat.sent.length}`
      const call: Call = { text, startedMs: performance.now(), endedMs: Number.POSITIVE_INFINITY, id: null, status: 0 }
      chat.sent.push(call)
      const answer = await world.send(instanceId, chat.contact, text).catch(() => null)
      call.endedMs = performance.now()
      call.status = answer?.status ?? 0
      if (answer?.status === 202) call.id = answer.body.id
      await sleep(20)
    }
  }
  await Promise.all(chats.map(client))
}

interface Way {
  what: string
  /** New connections are refused; otherwise whoever has one waits for its answer. */
  refuses: boolean
  begin: () => Promise<void>
  end: () => Promise<void>
}

const WAYS: Way[] = [
  { what: 'halted', refuses: false, begin: () => cluster.halt(), end: () => cluster.resume() },
  { what: 'shut down', refuses: true, begin: () => cluster.stop(), end: () => cluster.start() },
]

describe.each(WAYS)('D8: PostgreSQL is $what under load', ({ what, refuses, begin, end }) => {
  it(
    `for ${OUTAGE_MS / 1000} s: no 202 meanwhile, ${refuses ? '503 at once' : 'no other answer than 503'}, back within ${BACK_WITHIN_MS / 1000} s, nothing is lost`,
    async () => {
      const contacts = Array.from({ length: CLIENTS }, (_, i) => `55119888${refuses ? 1 : 2}000${i}`)
      for (const contact of contacts) await acquaint(world, instanceId, contact)
      const chats = contacts.map(contact => ({ contact, said: [], sent: [] as Call[] }))
      const calls = () => chats.flatMap(chat => chat.sent)
      let isOver = false
      const loading = load(chats, () => isOver)
      await until(() => calls().filter(call => call.id !== null).length > 10, 'messages are accepted')
      await begin()
      const beganMs = performance.now()
      await sleep(OUTAGE_MS)
      const endedMs = performance.now()
      await end()
      const backMs = performance.now()
      const isBack = () => calls().some(call => call.id !== null && call.startedMs > endedMs)
      await until(isBack, 'the service is back').catch(() => {})
      const back = Math.round(
        Math.min(
          ...calls()
            .filter(call => call.id && call.startedMs > endedMs)
            .map(call => call.endedMs),
        ) - backMs,
      )
      isOver = true
      await loading
      await until(async () => (await judge(world, instanceId, chats)).lost.length === 0, 'all arrived', 60_000).catch(
        () => {},
      )
      const verdict = await judge(world, instanceId, chats)
      const books = await booksOf(world)
      const meanwhile = calls().filter(call => call.startedMs > beganMs && call.startedMs < endedMs)
      const slowest = Math.max(...meanwhile.map(tookMs))
      report('database-stopped.test.ts', `D8 ${what}`, {
        'stopped for': `${OUTAGE_MS} ms`,
        messages: calls().filter(call => call.id !== null).length,
        'asked meanwhile': meanwhile.length,
        'slowest answer': `${slowest} ms`,
        back: `${back} ms after`,
        lost: verdict.lost.length,
        doubled: verdict.doubled.length,
      })
      const answered = meanwhile.filter(call => call.endedMs < endedMs && call.status !== 0)
      expect(answered.filter(call => call.status !== 503)).toEqual([])
      if (refuses) {
        expect(answered.length).toBeGreaterThan(0)
        expect(slowest).toBeLessThan(ANSWER_WITHIN_MS)
      }
      expect(back).toBeLessThan(BACK_WITHIN_MS)
      expect(verdict).toEqual(PERFECT)
      expect(books).toEqual({ used: books.counted, counted: books.counted, halves: [], gaps: [], rollups: [] })
    },
    180_000 + OUTAGE_MS * 2,
  )
})
