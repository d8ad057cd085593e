/**
 * How late the event loop of a server with INSTANCES (200) connected instances is while one more tells a history of MESSAGES
 * (50,000): `npm run bench -- history`. The sandbox is another process. SERVER_FLAGS, such as --cpu-prof, are the server's.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { controlClient } from '../src/sandbox/client.ts'
import { type Health, link, openBenchServer } from './support/app.ts'
import { given } from './support/measure.ts'

const INSTANCES = given('INSTANCES', 200)
const MESSAGES = given('MESSAGES', 50_000)
const CHATS = given('CHATS', 500)
const IDLE_SECONDS = given('IDLE_SECONDS', 10)
const PIECE = 50
const AT_ONCE = 4
const GOAL_MS = 50

const table: Record<string, object> = {}
const note = (what: string, { delayP50, delayP99, delayMost, heapMostMb }: Health, ms: number) => {
  table[what] = {
    seconds: (ms / 1000).toFixed(1),
    'late p50 ms': delayP50.toFixed(1),
    'late p99 ms': delayP99.toFixed(1),
    [`≤ ${GOAL_MS}`]: delayP99 <= GOAL_MS ? 'yes' : 'no',
    'most ms': delayMost.toFixed(1),
    'heap MB': Math.round(heapMostMb),
  }
}

const server = await openBenchServer()
try {
  const place = await server.tenant('bench')
  const sandbox = controlClient(server.sandboxUrl)
  let n = 0
  const one = async () => {
    while (n < INSTANCES) await link(server, { place, name: `bot ${n++}` })
  }
  const linkMs = performance.now()
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  note(`linking ${INSTANCES}`, await server.health(), performance.now() - linkMs)
  await sleep(IDLE_SECONDS * 1000)
  note('all connected', await server.health(), IDLE_SECONDS * 1000)
  const text = 'Words, as people write them to each other: neither few nor many. '
  const beginMs = Date.parse('2025-01-01T00:00:00Z')
  const chatOf = (chat: number) => ({
    with: `55119333${String(chat).padStart(5, '0')}`,
    name: `Person ${chat}`,
    messages: Array.from({ length: MESSAGES / CHATS }, (_, i) => ({
      fromMe: i % 2 === 0,
      text: `${text}${chat} ${i}`,
      at: new Date(beginMs + i * 60_000).toISOString(),
    })),
  })
  const before = async (id: string) => {
    for (let chat = 0; chat < CHATS; chat += PIECE) {
      await sandbox.phoneChats(id, { chats: Array.from({ length: PIECE }, (_, i) => chatOf(chat + i)) })
    }
    await server.health()
  }
  const beganMs = performance.now()
  const id = await link(server, { place, name: 'with a history', before })
  for (;;) {
    const [row] = await server.sql<{ chats: number }>(
      'select count(*)::int as chats from chat where instance_id = $1',
      [id],
    )
    if (row!.chats >= CHATS) break
    await sleep(50)
  }
  note(`a history of ${MESSAGES} messages`, await server.health(), performance.now() - beganMs)
  console.table(table)
} finally {
  await server.end()
}
