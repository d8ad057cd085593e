/**
 * From a contact to a subscription and to a webhook, beside `messages.upsert` of bare Baileys on the same sandbox:
 * `npm run bench -- receive`. First bursts, for messages each second; then one at a time, for how long each takes. The
 * contact, the server, bare Baileys and who listens are processes of their own. ROUNDS, BURST, PACED and EVERY_MS are environment variables.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'graphql-ws'
import { WebSocket } from 'ws'
import { controlClient } from '../src/sandbox/client.ts'
import { link, openBenchServer } from './support/app.ts'
import { serve, start } from './support/child.ts'
import { given, median, quantile } from './support/measure.ts'
import { report } from './support/results.ts'
import { startSockets } from './support/sockets.ts'

const ROUNDS = given('ROUNDS', 5)
const BURST = given('BURST', 300)
const PACED = given('PACED', 150)
const EVERY_MS = given('EVERY_MS', 40)
const AT_ONCE = 16
const CONTACTS = Array.from({ length: 8 }, (_, n) => `55119333000${String(n).padStart(2, '0')}`)
const GOAL = 0.6
const ADDED_GOAL_MS = 5
const WITHIN_MS = 60_000

const nowMs = () => performance.timeOrigin + performance.now()
type Times = Map<string, number>

/** Writes down when each text came by the subscription and by the webhook. */
async function listenerMain(): Promise<void> {
  const heard = { subscription: new Map() as Times, webhook: new Map() as Times }
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', part => parts.push(part))
    request.once('end', () => {
      const atMs = nowMs()
      response.writeHead(200).end()
      heard.webhook.set(JSON.parse(Buffer.concat(parts).toString()).data.content.text, atMs)
    })
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  serve(async asked => {
    if (asked.subscribe) {
      const { url, apiKey, instanceId } = asked.subscribe
      const client = createClient({ url, webSocketImpl: WebSocket, connectionParams: { apiKey } })
      const query = `subscription { messageReceived(instanceId: "${instanceId}") { id content { ... on TextContent { text } } } }`
      client.subscribe<{ messageReceived: { content: { text: string } } }>(
        { query },
        {
          next: ({ data }) => heard.subscription.set(data!.messageReceived.content.text, nowMs()),
          error: error => console.error(error),
          complete: () => {},
        },
      )
    }
    if (asked.heard) return [...heard[asked.heard as keyof typeof heard]]
    return { port: (server.address() as AddressInfo).port }
  })
}

async function main(): Promise<void> {
  const server = await openBenchServer({ WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32' })
  const listener = await start(import.meta.url, 'listener')
  const sockets = await startSockets()
  try {
    const place = await server.tenant('receiver')
    const instanceId = await link(server, { place, name: 'bot' })
    const { port } = await listener.ask({})
    const hook = await fetch(`${server.url}/v1/instances/${instanceId}/webhooks`, {
      method: 'POST',
      headers: { 'x-api-key': place.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ url: `http://127.0.0.1:${port}/`, events: ['message.received'] }),
    })
    if (hook.status !== 201) throw new Error(`no webhook: ${await hook.text()}`)
    const url = `${server.url.replace('http', 'ws')}/graphql`
    await listener.ask({ subscribe: { url, apiKey: place.apiKey, instanceId } })
    await sockets.open({ count: 1, sandboxUrl: server.sandboxUrl, kept: null })
    await sleep(1000)
    const control = controlClient(server.sandboxUrl)
    const ways: Way[] = [
      { name: 'bare messages.upsert', account: 'bare 0', heard: () => sockets.heard() },
      ...(['subscription', 'webhook'] as const).map(name => ({
        name,
        account: instanceId,
        heard: async () => new Map(await listener.ask<[string, number][]>({ heard: name })),
      })),
    ]
    const say = (account: string, from: string, text: string) =>
      control.sendMessage(account, { from, content: { type: 'text', text } })
    await measure(ways, say)
  } finally {
    await sockets.end()
    await listener.end()
    await server.end()
  }
}

interface Way {
  name: string
  account: string
  heard(): Promise<Times>
}

type Say = (account: string, from: string, text: string) => Promise<unknown>

async function measure(ways: Way[], say: Say): Promise<void> {
  const [bare, ...own] = ways as [Way, Way, Way]
  let said = 0
  const textsOf = (count: number) => Array.from({ length: count }, () => `text ${said++}`)
  const all = async ({ name, heard }: Way, texts: string[]): Promise<Times> => {
    const endMs = nowMs() + WITHIN_MS
    for (;;) {
      const times = await heard()
      if (texts.every(text => times.has(text))) return times
      if (nowMs() > endMs) throw new Error(`${name}: ${texts.filter(text => !times.has(text)).length} did not come`)
      await sleep(20)
    }
  }
  /** Messages each second, from the first that is said to the last that is heard. */
  const burst = async (account: string, count: number, told: Way[]): Promise<number[]> => {
    const texts = textsOf(count)
    const startMs = nowMs()
    let next = 0
    const contact = async (n: number) => {
      while (next < count) await say(account, CONTACTS[n % CONTACTS.length]!, texts[next++]!)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => contact(n)))
    const times = await Promise.all(told.map(way => all(way, texts)))
    return times.map(each => (count * 1000) / (Math.max(...texts.map(text => each.get(text)!)) - startMs))
  }
  const paced = async (account: string, told: Way[]): Promise<number[][]> => {
    const texts = textsOf(PACED)
    const saidMs: number[] = []
    for (const [n, text] of texts.entries()) {
      saidMs.push(nowMs())
      await say(account, CONTACTS[n % CONTACTS.length]!, text)
      await sleep(Math.max(0, saidMs[n]! + EVERY_MS - nowMs()))
    }
    const times = await Promise.all(told.map(way => all(way, texts)))
    return times.map(each => texts.map((text, n) => each.get(text)! - saidMs[n]!))
  }
  // Sessions with each contact, and warm code.
  for (const [account, told] of [
    [bare.account, [bare]],
    [own[0]!.account, own],
  ] as const) {
    for (const contact of CONTACTS) await say(account, contact, `hello ${said++}`)
    await burst(account, BURST, [...told])
  }
  const rates: number[][] = ways.map(() => [])
  const delays: { p50: number[]; p99: number[] }[] = ways.map(() => ({ p50: [], p99: [] }))
  for (let round = 0; round < ROUNDS; round++) {
    const found = [...(await burst(bare.account, BURST, [bare])), ...(await burst(own[0]!.account, BURST, own))]
    for (const [i, rate] of found.entries()) rates[i]!.push(rate)
    const took = [...(await paced(bare.account, [bare])), ...(await paced(own[0]!.account, own))]
    for (const [i, each] of took.entries()) {
      delays[i]!.p50.push(quantile(each, 0.5))
      delays[i]!.p99.push(quantile(each, 0.99))
    }
  }
  const round = (value: number, digits = 2) => Number(value.toFixed(digits))
  report(
    'receive',
    ways.map(({ name }, i) => {
      const times = median(rates[i]!.map((rate, n) => rate / rates[0]![n]!))
      const addedMs = median(delays[i]!.p50.map((ms, n) => ms - delays[0]!.p50[n]!))
      const row = {
        what: name,
        'messages/s': round(median(rates[i]!), 0),
        times: round(times),
        'p50 ms': round(median(delays[i]!.p50)),
        'p99 ms': round(median(delays[i]!.p99)),
      }
      if (i === 0) return row
      const isMet = times >= GOAL && addedMs <= ADDED_GOAL_MS
      return {
        ...row,
        'p50 added ms': round(addedMs),
        goal: `≥ ${GOAL} ×, ≤ ${ADDED_GOAL_MS} ms added`,
        met: isMet ? 'yes' : 'no',
      }
    }),
  )
}

if (process.argv[2] === 'listener') await listenerMain()
else await main()
