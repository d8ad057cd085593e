/**
 * What a server keeps after hours: `npm run bench -- soak`. INSTANCES (20) linked; RATE (2) messages a second, as many sent as
 * received, each with its receipts and a webhook; for MINUTES (480). Each minute tells memory, open files and what keeps the
 * event loop alive; at the end, their slopes after WARM_MINUTES (20), by least squares.
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

interface Minute extends Health {
  minute: number
  files: number
}

const fixed = (value: number) => Number(value.toFixed(2))

/** Of each hour. */
function slope(minutes: Minute[], of: (minute: Minute) => number): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(minutes.map(({ minute }) => minute)), mean(minutes.map(of))]
  const over = minutes.reduce((sum, each) => sum + (each.minute - x) * (of(each) - y), 0)
  return (60 * over) / minutes.reduce((sum, { minute }) => sum + (minute - x) ** 2, 0)
}

const counts = { sent: 0, received: 0, events: 0 }
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
  const post = async (path: string, body: unknown) => {
    const init = { method: 'POST', headers, body: JSON.stringify(body), signal: AbortSignal.timeout(GIVEN_UP_MS) }
    const answer = await fetch(`${url}/v1/instances/${path}`, init)
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
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
    const [id, contact] = [ids[n % ids.length]!, CONTACTS[Math.floor(n++ / ids.length) % CONTACTS.length]!]
    await post(`${id}/messages`, {
      chat_id: contact,
      type: 'text',
      content: { text: `How are you, for the ${n}th time?` },
    })
    counts.sent++
    await sandbox.sendMessage(id, { from: contact, content: { type: 'text', text: `Fine, for the ${n}th time.` } })
    counts.received++
  }
  const minutes: Minute[] = []
  const endMs = performance.now() + MINUTES * 60_000
  for (let minute = 1; performance.now() < endMs; minute++) {
    const minuteMs = performance.now() + 60_000
    while (performance.now() < minuteMs) {
      const nextMs = performance.now() + 1000 / RATE
      await exchange()
      await sleep(Math.max(0, nextMs - performance.now()))
    }
    const files = readdirSync(`/proc/${pid}/fd`).length
    minutes.push({ minute, files, ...(await health()) })
    const { rssMb, heapMb, resources } = minutes.at(-1)!
    console.log(minute, JSON.stringify({ rssMb: fixed(rssMb), heapMb: fixed(heapMb), files, resources, ...counts }))
  }
  const settled = minutes.filter(({ minute }) => minute > WARM_MINUTES)
  const row = (what: string, of: (minute: Minute) => number, goal: string) => ({
    what,
    first: fixed(of(settled[0]!)),
    median: fixed(median(settled.map(of))),
    last: fixed(of(settled.at(-1)!)),
    'each hour': fixed(slope(settled, of)),
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
      goal: `${minutes.length} minutes`,
    },
  ])
}
