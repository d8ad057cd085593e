/**
 * The dashboard on a slow machine and line, in Chromium: `npm run bench -- dashboard`.
 * 1. From an empty cache to the first list, with INSTANCES (20) on it: median of ROUNDS (5).
 * 2. RATE (200) events a second for SECONDS (60) on the page of events. A stand-in tells them: no server of this machine would be as quick.
 */
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CDPSession, Page } from 'playwright-core'
import { type WebSocket, WebSocketServer } from 'ws'
import { buildDashboard } from '../scripts/build-dashboard.ts'
import { CHROMIUM, openBrowser, signIn } from '../test/support/browser.ts'
import { openBenchServer } from './support/app.ts'
import { given, median, quantile } from './support/measure.ts'

const INSTANCES = given('INSTANCES', 20)
const ROUNDS = given('ROUNDS', 5)
const RATE = given('RATE', 200)
const SECONDS = given('SECONDS', 60)
const SLOWER = given('SLOWER', 4)
const LINE = { latency: 150, downloadThroughput: 1_600_000 / 8, uploadThroughput: 750_000 / 8, offline: false }
const LIST_GOAL_MS = 2000
const TASK_GOAL_MS = 100
const FRAMES_GOAL = 30
const HEAP_GOAL_MB = 60

/** Answers as the server at `farUrl` does, but tells the events itself. */
async function openStandIn(farUrl: string) {
  const far = new URL(farUrl)
  const listeners = new Map<string, WebSocket>()
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => 'graphql-transport-ws' })
  sockets.on('connection', (socket: WebSocket) => {
    socket.on('message', data => {
      const { id, type, payload } = JSON.parse(String(data))
      if (type === 'connection_init') socket.send('{"type":"connection_ack"}')
      if (type === 'ping') socket.send('{"type":"pong"}')
      if (type === 'subscribe' && payload.query.includes('eventOccurred'))
        listeners.set(JSON.stringify([id, payload.variables.instanceId]), socket)
    })
  })
  const server = createServer((req, res) => {
    const { method, headers, url } = req
    const passed = request({ host: far.hostname, port: far.port, method, headers, path: url }, answer => {
      res.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(res)
    })
    req.pipe(passed)
  })
  server.on('upgrade', (req, socket, head) =>
    sockets.handleUpgrade(req, socket, head, webSocket => sockets.emit('connection', webSocket, req)),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  let told = 0
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get listeners() {
      return listeners.size
    },
    tell() {
      const all = [...listeners]
      const [key, socket] = all[told++ % all.length]!
      const [id, instanceId] = JSON.parse(key) as [string, string]
      socket.send(JSON.stringify({ id, type: 'next', payload: { data: { eventOccurred: eventOf(told, instanceId) } } }))
    },
    close() {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      server.close()
    },
  }
}

function eventOf(n: number, instanceId: string) {
  const timestamp = new Date().toISOString()
  const whatsapp_id = `3EB0${String(n).padStart(16, '0')}`
  const data = {
    ...{ id: `msg_${n}`, instance_id: instanceId, chat_id: '5511955554444@s.whatsapp.net', direction: 'inbound' },
    ...{ whatsapp_id, sender: '5511955554444@s.whatsapp.net', lid: null, push_name: 'Ana', type: 'text', timestamp },
    content: { text: 'Good morning! Is the order of last week on its way? '.repeat(1 + (n % 4)) },
  }
  const event = n % 2 === 0 ? 'message_received' : 'message_status'
  return { __typename: 'Event', id: `evt_${n}`, event, instanceId, seq: n, timestamp, data }
}

/** In the page, from its beginning. */
function watch(): void {
  const seen = { listMs: 0, tasksMs: [] as number[], frames: 0 }
  Object.assign(window, { seen })
  const frame = () => {
    seen.frames++
    if (seen.listMs === 0 && document.querySelector('main li a')) seen.listMs = performance.now()
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)
  new PerformanceObserver(list => {
    seen.tasksMs.push(...list.getEntries().map(each => each.duration))
  }).observe({ type: 'longtask' })
}

interface Seen {
  listMs: number
  tasksMs: number[]
  frames: number
}
const seenBy = (page: Page): Promise<Seen> => page.evaluate(() => (window as unknown as { seen: Seen }).seen)

async function firstList(page: Page, cdp: CDPSession): Promise<number[]> {
  const took: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await cdp.send('Network.clearBrowserCache')
    await page.goto('/instances')
    await page.waitForFunction(() => (window as unknown as { seen: Seen }).seen.listMs > 0)
    took.push((await seenBy(page)).listMs)
  }
  return took
}

/** Uncollected, too. */
async function flood(page: Page, cdp: CDPSession, standIn: Awaited<ReturnType<typeof openStandIn>>) {
  await page.goto('/events')
  while (standIn.listeners < INSTANCES) await sleep(50)
  await page.getByText('Waiting for events…').waitFor()
  await page.evaluate(() => Object.assign((window as unknown as { seen: Seen }).seen, { tasksMs: [], frames: 0 }))
  const heapsMb: number[] = []
  const busySeconds = async () =>
    (await cdp.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'ThreadTime')!.value
  const beforeSeconds = await busySeconds()
  const startMs = performance.now()
  let told = 0
  for (let nextMs = startMs; performance.now() < startMs + SECONDS * 1000; ) {
    for (; told < ((performance.now() - startMs) / 1000) * RATE; told++) standIn.tell()
    if (performance.now() > nextMs) {
      nextMs += 1000
      void cdp.send('Runtime.getHeapUsage').then(
        ({ usedSize }) => heapsMb.push(usedSize / 1_048_576),
        () => {},
      )
    }
    await sleep(2)
  }
  const { tasksMs, frames } = await seenBy(page)
  const seconds = (performance.now() - startMs) / 1000
  const busyMs = ((await busySeconds()) - beforeSeconds) * 1000
  const rows = await page.locator('[role=log] > *').count()
  return { tasksMs, framesPerSecond: frames / seconds, heapMb: Math.max(...heapsMb), told, rows, busyMs }
}

if (!CHROMIUM) throw new Error('there is no Chromium here')
await buildDashboard(console.log)
const server = await openBenchServer()
const standIn = await openStandIn(server.url)
const browser = await openBrowser(standIn.url)
try {
  const person = { name: 'Bench', email: 'bench@example.com' }
  const headers = { 'content-type': 'application/json' }
  await fetch(`${server.url}/v1/auth/signup`, { method: 'POST', headers, body: JSON.stringify(person) })
  let token: string | undefined
  while (!token) {
    await sleep(200)
    token = /#token=([\w.-]+)/.exec(await (await fetch(`${server.url}/dev/mailbox`)).text())?.[1]
  }
  const context = await browser.open({ viewport: { width: 1360, height: 900 }, reducedMotion: 'no-preference' })
  await context.addInitScript(watch)
  const page = await context.newPage()
  await signIn(page, token)
  await page.evaluate(async count => {
    for (let n = 1; n <= count; n++) {
      const query = `mutation { createInstance(input: { name: "Phone ${n}", sandbox: true }) { id } }`
      const body = JSON.stringify({ query })
      await fetch('/graphql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    }
  }, INSTANCES)
  const cdp = await context.newCDPSession(page)
  await cdp.send('Network.enable')
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
  await cdp.send('Emulation.setCPUThrottlingRate', { rate: SLOWER })
  await cdp.send('Network.emulateNetworkConditions', LINE)
  const listMs = await firstList(page, cdp)
  // With the line goes the telling of each frame, which is done on the page's thread.
  await cdp.send('Network.disable')
  const { tasksMs, framesPerSecond, heapMb, told, rows, busyMs } = await flood(page, cdp, standIn)
  const longest = Math.max(0, ...tasksMs)
  const line = (value: number, goal: number, ok: boolean) => ({ value: Math.round(value), goal, ok })
  console.table({
    'first list ms': line(median(listMs), LIST_GOAL_MS, median(listMs) <= LIST_GOAL_MS),
    'longest task ms': line(longest, TASK_GOAL_MS, longest <= TASK_GOAL_MS),
    'frames per second': line(framesPerSecond, FRAMES_GOAL, framesPerSecond >= FRAMES_GOAL),
    'heap MB': line(heapMb, HEAP_GOAL_MB, heapMb <= HEAP_GOAL_MB),
  })
  console.log(
    `${told} events, ${rows} rows, ${(busyMs / told).toFixed(2)} ms of the page's thread for each; lists ${listMs.map(Math.round).join(', ')} ms; ${tasksMs.length} tasks above 50 ms, p50 ${Math.round(quantile(tasksMs, 0.5))}`,
  )
} finally {
  await browser.close()
  standIn.close()
  await server.end()
}
