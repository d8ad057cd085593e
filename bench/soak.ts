/**
 * What a server keeps after hours: `npm run bench -- soak`. INSTANCES (20) linked; RATE (2) messages a second, as many sent as
 * received, each with its receipts and a webhook; for MINUTES (480). Each minute tells memory, open files and what keeps the
 * event loop alive; at the end, their slopes after WARM_MINUTES (20), by least squares: of an hour by the clock, and of 7,200
 * messages each way, which are an hour of the usual RATE. RATE=20 MINUTES=48 is the traffic of eight hours in less than one.
 */
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { controlClient } from '../src/sandbox/client.ts'
import { type BenchServer, type Health, link, openBenchServer } from './support/app.ts'
import { given, median } from './support/measure.ts'
import { report } from './support/results.ts'

const INSTANCES = given('INSTANCES', 20)
const RATE = given('RATE', 2)
const MINUTES = given('MINUTES', 480)
const WARM_MINUTES = given('WARM_MINUTES', 20)
const GOAL_MB = 1
const CONTACTS = Array.from({ length: 8 }, (_, n) => `5511955500${String(n).padStart(3, '0')}`)
const GIVEN_UP_MS = 60_000
const HOUR_OF_TRAFFIC = 7200
const AT_ONCE = 32

interface Minute extends Health {
  minute: number
  files: number
  received: number
}

const fixed = (value: number) => Number(value.toFixed(2))

type Of = (minute: Minute) => number

function slope(minutes: Minute[], of: Of, along: Of): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(minutes.map(along)), mean(minutes.map(of))]
  const over = minutes.reduce((sum, each) => sum + (along(each) - x) * (of(each) - y), 0)
  return over / minutes.reduce((sum, each) => sum + (along(each) - x) ** 2, 0)
}

const counts = { sent: 0, received: 0, events: 0, refused: 0 }
const receiver = createServer((req, res) => {
  req.resume().once('end', () => {
    counts.events++
    res.end()
  })
}).listen(0, '127.0.0.1')
await once(receiver, 'listening')

const server = await openBenchServer({ WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32' })
try {
  await run(server)
} finally {
  await server.end()
  receiver.close()
  receiver.closeAllConnections()
}

async function run({ url, sandboxUrl, tenant, health, pid }: BenchServer): Promise<void> {
  const place = await tenant('soak')
  const headers = { 'x-api-key': place.apiKey, 'content-type': 'application/json' }
  const post = async (path: string, body: unknown, signal = AbortSignal.timeout(GIVEN_UP_MS)): Promise<void> => {
    const init = { method: 'POST', headers, body: JSON.stringify(body), signal }
    const answer = await fetch(`${url}/v1/instances/${path}`, init)
    const text = await answer.text()
    if (answer.ok) return
    // Nothing has been done of it.
    if (answer.status !== 503) throw new Error(`${path}: ${answer.status} ${text}`)
    counts.refused++
    await sleep(Number(answer.headers.get('retry-after')) * 1000)
    await post(path, body, signal)
  }
  const ids: string[] = []
  for (let n = 0; n < INSTANCES; n++) {
    const id = await link({ url }, { place, name: `bot ${n}` })
    const { port } = receiver.address() as AddressInfo
    await post(`${id}/webhooks`, { url: `http://127.0.0.1:${port}/`, events: ['message.received', 'message.status'] })
    ids.push(id)
  }
  const sandbox = controlClient(sandboxUrl)
  let n = 0
  const exchange = async () => {
    const [id, contact] = [ids[n % ids.length]!, CONTACTS[Math.floor(n / ids.length) % CONTACTS.length]!]
    const nth = ++n
    const content = { text: `How are you, for the ${nth}th time?` }
    await post(`${id}/messages`, { chat_id: contact, type: 'text', content })
    counts.sent++
    await sandbox.sendMessage(id, { from: contact, content: { type: 'text', text: `Fine, for the ${nth}th time.` } })
    counts.received++
  }
  const minutes: Minute[] = []
  const running = new Set<Promise<void>>()
  const failed: unknown[] = []
  const endMs = performance.now() + MINUTES * 60_000
  for (let minute = 1; performance.now() < endMs; minute++) {
    const minuteMs = performance.now() + 60_000
    for (let dueMs = performance.now(); dueMs < minuteMs; dueMs += 1000 / RATE) {
      await sleep(Math.max(0, dueMs - performance.now()))
      if (running.size >= AT_ONCE) await Promise.race(running)
      const one = exchange()
        .catch(error => void failed.push(error))
        .then(() => void running.delete(one))
      running.add(one)
    }
    if (failed.length > 0) throw failed[0]
    const files = readdirSync(`/proc/${pid}/fd`).length
    minutes.push({ minute, files, received: counts.received, ...(await health()) })
    const { rssMb, heapMb, resources } = minutes.at(-1)!
    console.log(minute, JSON.stringify({ rssMb: fixed(rssMb), heapMb: fixed(heapMb), files, resources, ...counts }))
  }
  const settled = minutes.filter(({ minute }) => minute > WARM_MINUTES)
  const row = (what: string, of: Of, goal: string) => ({
    what,
    first: fixed(of(settled[0]!)),
    median: fixed(median(settled.map(of))),
    last: fixed(of(settled.at(-1)!)),
    'each hour': fixed(slope(settled, of, ({ minute }) => minute / 60)),
    'each 7,200 messages': fixed(slope(settled, of, ({ received }) => received / HOUR_OF_TRAFFIC)),
    goal,
  })
  report('soak', [
    row('resident MB', ({ rssMb }) => rssMb, `≤ ${GOAL_MB} each hour`),
    row('heap after collection MB', ({ heapMb }) => heapMb, '–'),
    row('open files', ({ files }) => files, 'constant'),
    row('handles and requests', ({ resources }) => resources, 'constant'),
    {
      what: 'messages sent',
      first: 0,
      median: '',
      last: counts.sent,
      'each hour': '',
      'each 7,200 messages': '',
      goal: `${minutes.length} minutes`,
    },
  ])
}
