/**
 * Texts to chats that exist, beside bare loops of Baileys' `sendMessage` to the same sandbox: `npm run bench -- send`.
 * Over INSTANCES (50) and over one; ROUNDS (5) of SECONDS (6) in turns, medians. All rates are of messages that WhatsApp has
 * acknowledged. Then one at a time, for how long an answer takes.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { type BenchServer, link, openBenchServer } from './support/app.ts'
import type { BareLoad, BareOutcome } from './support/bare.ts'
import { answerOfCaller } from './support/caller.ts'
import { given, median, quantile } from './support/measure.ts'
import { report } from './support/results.ts'

const INSTANCES = given('INSTANCES', 50)
const SECONDS = given('SECONDS', 6)
const ROUNDS = given('ROUNDS', 5)
/** Callers at one instance: an answer waits for WhatsApp's ack. */
const CALLERS = given('CALLERS', 16)
const GOALS = { many: 0.6, one: 0.4, answer: 3 }
const CONTACTS = Array.from({ length: 8 }, (_, n) => `5511944400${String(n).padStart(3, '0')}`)
/** Until the last receipt of what was sent is written down. */
const SETTLE_MS = 2_000

interface Load {
  url: string
  apiKey: string
  ids: string[]
  contacts: string[]
  callers: number
  seconds: number
}

interface Outcome {
  /** Of the answers that said `sent`, and of all. */
  sent: number
  all: number
  tookMs: number
  answerMs: number[]
}

async function callerMain({ url, apiKey, ids, contacts, callers, seconds }: Load): Promise<void> {
  const pool = new Pool(url, { connections: callers, pipelining: 1 })
  const outcome: Outcome = { sent: 0, all: 0, tookMs: 0, answerMs: [] }
  const startMs = performance.now()
  const endMs = startMs + seconds * 1000
  const caller = async (own: number) => {
    for (let n = own; performance.now() < endMs; n += callers) {
      const body = JSON.stringify({
        chat_id: contacts[Math.floor(n / ids.length) % contacts.length],
        type: 'text',
        content: { text: 'Hello' },
      })
      const sinceMs = performance.now()
      const answer = await pool.request({
        path: `/v1/instances/${ids[n % ids.length]}/messages`,
        method: 'POST',
        headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
        body,
      })
      const { status } = (await answer.body.json()) as { status?: string }
      if (answer.statusCode !== 202) throw new Error(`a send was answered with ${answer.statusCode}`)
      outcome.answerMs.push(performance.now() - sinceMs)
      outcome.all++
      if (status !== 'pending') outcome.sent++
    }
  }
  await Promise.all(Array.from({ length: callers }, (_, n) => caller(n)))
  outcome.tookMs = performance.now() - startMs
  process.send!(outcome, () => process.exit(0))
}

async function openBare(controlUrl: string) {
  const child = fork(fileURLToPath(new URL('support/bare.ts', import.meta.url)), ['bare'], {
    serialization: 'advanced',
    execArgv: ['--max-semi-space-size=4'],
  })
  child.once('exit', code => code && process.exit(code))
  child.send({ sockets: INSTANCES, controlUrl })
  await once(child, 'message')
  return {
    async run(load: BareLoad): Promise<BareOutcome> {
      child.send(load)
      return (await once(child, 'message'))[0]
    },
    end: () => child.disconnect(),
  }
}

const ms = (value: number) => Number(value.toFixed(1))
const ratio = (value: number) => Number(value.toFixed(2))

const COSTS = {
  statements: 'statements',
  cpuMs: 'cpu ms',
  databaseCpuMs: 'PostgreSQL cpu ms',
  walBytes: 'wal bytes',
} as const
type Cost = keyof typeof COSTS
const IDLE_MS = 3000

/** What was done since the last look, without what the clock alone does. */
async function netOf(server: BenchServer): Promise<(elapsedMs: number) => Promise<Record<Cost, number>>> {
  await sleep(SETTLE_MS)
  await server.health()
  await sleep(IDLE_MS)
  const idle = await server.health()
  return async elapsedMs => {
    const health = await server.health()
    const of = (cost: Cost): [Cost, number] => [cost, (health[cost] ?? 0) - ((idle[cost] ?? 0) * elapsedMs) / IDLE_MS]
    return Object.fromEntries((Object.keys(COSTS) as Cost[]).map(of)) as Record<Cost, number>
  }
}

async function main(): Promise<void> {
  // What is measured is sending, and not who is refused at the door.
  const server = await openBenchServer({ REQUESTS_AT_ONCE: '200' })
  const bare = await openBare(server.sandboxUrl)
  try {
    await measure(server, bare)
  } finally {
    bare.end()
    await server.end()
  }
}

async function measure(server: BenchServer, bare: Awaited<ReturnType<typeof openBare>>): Promise<void> {
  const place = await server.tenant('sender')
  const ids: string[] = []
  for (let n = 0; n < INSTANCES; n++) ids.push(await link(server, { place, name: `bot ${n}` }))
  const { url } = server
  const ours = (load: Partial<Load>) =>
    answerOfCaller<Outcome>(import.meta.url, {
      ...{ url, apiKey: place.apiKey, ids, contacts: CONTACTS, callers: INSTANCES, seconds: SECONDS },
      ...load,
    })
  const theirs = (load: Partial<BareLoad>) =>
    bare.run({ sockets: INSTANCES, contacts: CONTACTS, seconds: SECONDS, paced: false, ...load })
  // Chats and sessions of all that follows.
  await ours({ seconds: 0.3 * INSTANCES })
  await theirs({ seconds: 1 })
  const net = await netOf(server)
  const rows: Record<string, string | number>[] = []
  const rates: Record<string, number> = {}
  for (const [what, used, callers] of [
    [`${INSTANCES} instances`, ids, INSTANCES],
    ['one instance', ids.slice(0, 1), CALLERS],
  ] as const) {
    const [own, others]: [number[], number[]] = [[], []]
    const costs: Record<Cost, number>[] = []
    const [answers, bareCpuMs]: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      const { sent, tookMs, cpuMs } = await theirs({ sockets: used.length })
      others.push((sent * 1000) / tookMs)
      bareCpuMs.push(cpuMs / sent)
      await sleep(SETTLE_MS)
      await server.health()
      const startMs = performance.now()
      const outcome = await ours({ ids: used, callers })
      own.push((outcome.sent * 1000) / outcome.tookMs)
      await sleep(SETTLE_MS)
      const cost = await net(performance.now() - startMs)
      for (const name of Object.keys(cost) as Cost[]) cost[name] /= outcome.all
      costs.push(cost)
      answers.push(quantile(outcome.answerMs, 0.5))
    }
    rates[what] = median(own) / median(others)
    rows.push({
      what,
      'messages/s': Math.round(median(own)),
      'bare messages/s': Math.round(median(others)),
      ratio: ratio(median(own) / median(others)),
      goal: used.length > 1 ? GOALS.many : GOALS.one,
      'bare cpu ms': ms(median(bareCpuMs)),
      // Of one message, its receipts included.
      ...Object.fromEntries(
        Object.entries(COSTS).map(([name, title]) => [title, ms(median(costs.map(cost => cost[name as Cost])))]),
      ),
      'answer p50 ms': ms(median(answers)),
    })
  }
  report('send', [...rows, await oneAtATime(ours, theirs)])
}

async function oneAtATime(
  ours: (load: Partial<Load>) => Promise<Outcome>,
  theirs: (load: Partial<BareLoad>) => Promise<BareOutcome>,
): Promise<Record<string, string | number>> {
  const [acks, answers, perSecond, p99s, bareP99s]: number[][] = [[], [], [], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    const { ackMs } = await theirs({ sockets: 1, paced: true })
    await sleep(SETTLE_MS)
    const { answerMs, sent, tookMs } = await ours({ callers: 1 })
    await sleep(SETTLE_MS)
    acks!.push(median(ackMs))
    bareP99s!.push(quantile(ackMs, 0.99))
    answers!.push(median(answerMs))
    p99s!.push(quantile(answerMs, 0.99))
    perSecond!.push((sent * 1000) / tookMs)
  }
  const [p99, bareP99] = [median(p99s!), median(bareP99s!)]
  return {
    what: 'one at a time',
    'messages/s': Math.round(median(perSecond!)),
    'answer p50 ms': ms(median(answers!)),
    'answer p99 ms': ms(p99),
    'bare ack p50 ms': ms(median(acks!)),
    'bare ack p99 ms': ms(bareP99),
    ratio: ratio(p99 / bareP99),
    goal: GOALS.answer,
  }
}

if (process.argv[2] === 'caller') process.once('message', load => void callerMain(load as Load))
else await main()
