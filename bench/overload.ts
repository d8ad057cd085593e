/**
 * Twice of what a server can do, on one machine with its database, its sandbox and who asks: `npm run bench -- overload`.
 * 1. What it can do: half sends, half reads, by CALLERS (24) who ask again as soon as they have an answer; and what is done of
 *    twice of that, as an answer to a send waits for WhatsApp's ack as long as there is time for that. The better of the two.
 * 2. Twice as much, whatever the answers are, for SECONDS (20; the bar wants 300).
 * 3. A third of it, right after that.
 * 4. Tenants who ask for a fifth of it together, alone and beside one who asks for twice of it.
 * FIRST=1: the server, and who asks, go before the database and the sandbox whenever they have work, as on machines of their
 * own. Without it, what is measured is how long they wait for a core as well.
 */
import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BenchServer, link, openBenchServer } from './support/app.ts'
import { answerOfCaller } from './support/caller.ts'
import { given, quantile } from './support/measure.ts'
import { goFirst } from './support/priority.ts'

const SECONDS = given('SECONDS', 20)
const TENANTS = given('TENANTS', 10)
const CALLERS = given('CALLERS', 24)
/** Of all tenants together. A first message to a chat costs much more than those after it: what is measured is those. */
const CHATS = 200
const WARM_SECONDS = 15
const FIRST = given('FIRST', 0) > 0

interface Way {
  apiKey: string
  id: string
}

interface Load {
  url: string
  ways: Way[]
  seconds: number
  /** Each second, whatever the answers do; 0: the next when the last is answered. */
  rate: number
}

interface Answered {
  /** Since the load began. */
  atMs: number
  tookMs: number
  status: number
}

async function callerMain({ url, ways, seconds, rate }: Load): Promise<void> {
  if (FIRST) goFirst(process.pid)
  const agent = new Agent({ keepAlive: true, maxSockets: 3000 })
  const answered: Answered[] = []
  const beganMs = performance.now()
  const endMs = beganMs + seconds * 1000
  let n = 0
  const call = () => {
    const { apiKey, id } = ways[n % ways.length]!
    const isSend = n++ % 2 === 0
    const body = JSON.stringify({
      chat_id: `55119444${String(n % CHATS).padStart(5, '0')}`,
      type: 'text',
      content: { text: 'Hello' },
    })
    const options = {
      agent,
      method: isSend ? 'POST' : 'GET',
      headers: {
        'x-api-key': apiKey,
        ...(isSend && { 'content-type': 'application/json', 'content-length': body.length }),
      },
    }
    const startMs = performance.now()
    const { promise, resolve } = Promise.withResolvers<void>()
    const tell = (status: number) => {
      answered.push({ atMs: startMs - beganMs, tookMs: performance.now() - startMs, status })
      resolve()
    }
    const path = isSend ? `/v1/instances/${id}/messages` : '/v1/instances?limit=5'
    const req = request(url + path, options, answer => answer.resume().once('end', () => tell(answer.statusCode!)))
    req.once('error', () => tell(0)).end(isSend ? body : undefined)
    return promise
  }
  if (rate === 0) {
    const one = async () => {
      while (performance.now() < endMs) await call()
    }
    await Promise.all(Array.from({ length: CALLERS }, one))
  } else {
    const calls: Promise<void>[] = []
    for (let dueMs = performance.now(); dueMs < endMs; dueMs += 1000 / rate) {
      if (dueMs > performance.now()) await sleep(Math.max(1, dueMs - performance.now()))
      calls.push(call())
    }
    await Promise.all(calls)
  }
  process.send!(answered, () => process.exit(0))
}

function run(load: Load): Promise<Answered[]> {
  return answerOfCaller(import.meta.url, load)
}

const isGood = ({ status }: Answered) => status === 200 || status === 202
const isRefused = ({ status }: Answered) => status === 503 || status === 429
const tooks = (all: Answered[]) => all.map(({ tookMs }) => tookMs)

function row(all: Answered[], seconds: number): Record<string, string | number> {
  const [good, refused] = [all.filter(isGood), all.filter(isRefused)]
  const ms = (values: Answered[], share: number) => Number(quantile(tooks(values), share).toFixed(1))
  return {
    'asked/s': Math.round(all.length / seconds),
    'done/s': Math.round(good.length / seconds),
    'p50 ms': ms(good, 0.5),
    'p99 ms': ms(good, 0.99),
    'most ms': ms(good, 1),
    refused: refused.length,
    'refused p50': ms(refused, 0.5),
    'refused p99': ms(refused, 0.99),
    other: all.length - good.length - refused.length,
  }
}

async function main(): Promise<void> {
  const server = await openBenchServer({
    ...(process.env.REQUESTS_AT_ONCE && { REQUESTS_AT_ONCE: process.env.REQUESTS_AT_ONCE }),
  })
  try {
    await measure(server)
  } finally {
    await server.end()
  }
}

async function measure(server: BenchServer): Promise<void> {
  const ways: Way[] = []
  for (let n = 0; n < TENANTS; n++) {
    const place = await server.tenant(`tenant${n}`)
    ways.push({ apiKey: place.apiKey, id: await link(server, { place, name: 'bot' }) })
  }
  if (FIRST) goFirst(server.pid)
  const { url } = server
  const table: Record<string, object> = {}
  const add = async (what: string, load: Omit<Load, 'url'>, all: Answered[]) => {
    const { heapMostMb, delayP99, starvedMs } = await server.health()
    table[what] = {
      ...row(all, load.seconds),
      'heap MB': Math.round(heapMostMb),
      'loop p99 ms': Math.round(delayP99),
      'no core %': starvedMs === null ? '' : Math.round(starvedMs / load.seconds / 10),
    }
    return all
  }
  const go = async (what: string, load: Omit<Load, 'url'>) => add(what, load, await run({ ...load, url }))
  await run({ url, ways, seconds: WARM_SECONDS, rate: 0 })
  await server.health()
  const seconds = Math.min(10, SECONDS)
  const doneOf = async (what: string, rate: number) => {
    const answered = await go(what, { ways, seconds, rate })
    await sleep(3000)
    await server.health()
    return answered.filter(isGood).length / seconds
  }
  const waiting = await doneOf('1. as fast as it goes', 0)
  const most = Math.max(waiting, await doneOf('   of twice that', waiting * 2))
  await go('2. twice that', { ways, seconds: SECONDS, rate: most * 2 })
  const after = await go('3. a third, right after', { ways, seconds: 6, rate: most / 3 })
  await sleep(3000)
  const honest = { ways: ways.slice(1), seconds, rate: most / 5 }
  await go('4. others, alone', honest)
  await sleep(2000)
  const flood = run({ url, ways: ways.slice(0, 1), seconds: seconds + 2, rate: most * 2 })
  await sleep(2000)
  const beside = await run({ ...honest, url })
  const flooded = await flood
  await add('   one tenant, twice that', { ...honest, seconds: seconds + 2 }, flooded)
  table['   others, beside it'] = row(beside, honest.seconds)
  console.table(table)
  const bad = after.filter(each => !isGood(each) || each.tookMs > 500)
  const lastMs = bad.length > 0 ? Math.max(...bad.map(({ atMs, tookMs }) => atMs + tookMs)) : 0
  console.log(`normal again ${(lastMs / 1000).toFixed(1)} s after (nothing refused, nothing above 500 ms from then on)`)
}

if (process.argv[2] === 'caller') process.once('message', load => void callerMain(load as Load))
else await main()
