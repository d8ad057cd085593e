/**
 * A page of 50 messages of many, the first and the thousandth, beside a route of Fastify that makes the same statements:
 * `npm run bench -- rest-list`. MESSAGES (1000000) are made once, see `support/many-messages.ts`; 10000000 take some tens
 * of minutes and 8 GB. ROUNDS, SECONDS and CONNECTIONS are environment variables.
 */
import assert from 'node:assert/strict'
import { inTurns, type Measured, openFastify, rowOf, timesOf } from './support/beside.ts'
import { CHAT, openManyMessages } from './support/many-messages.ts'
import { given, median } from './support/measure.ts'
import { report } from './support/results.ts'

const MESSAGES = given('MESSAGES', 1_000_000)
const ROUNDS = given('ROUNDS', 5)
const SECONDS = given('SECONDS', 3)
const CONNECTIONS = given('CONNECTIONS', 8)
const GOAL = 0.8
/** The last whole page, when there are not so many. */
const FAR = Math.min(1000, Math.floor(MESSAGES / 250))
const FAR_GOAL = 1.1

interface Page {
  data: { id: string }[]
  page: { next_cursor: string }
}

const { postgres, api, apiKey, instanceId } = await openManyMessages(MESSAGES)
const fastify = await openFastify(postgres.url)
try {
  const headers = { 'x-api-key': apiKey }
  const list = `/v1/instances/${instanceId}/messages?limit=50&chat_id=${CHAT}`
  const pathOf = (chat: string, cursor: string | null) => list.replace(CHAT, chat) + (cursor ? `&cursor=${cursor}` : '')
  const read = async (url: string) => (await (await fetch(url, { headers })).json()) as Page
  const jid = `${CHAT}@s.whatsapp.net`
  const cursors: Record<string, string | null> = { ours: null, theirs: null }
  for (let page = 1; page < FAR; page++) {
    const { data, page: where } = await read(api.url + pathOf(CHAT, cursors.ours!))
    cursors.ours = where.next_cursor
    cursors.theirs = Buffer.from(data.at(-1)!.id, 'latin1').toString('base64url')
  }
  const wayOf = (name: string, child: typeof api, path: string) => ({
    name,
    child,
    load: { origin: child.url, requests: [{ path, headers }] },
  })
  const ways = [
    wayOf('Fastify, the same statements: page 1', fastify, pathOf(jid, null)),
    wayOf('page 1', api, pathOf(CHAT, null)),
    wayOf(`Fastify, the same statements: page ${FAR}`, fastify, pathOf(jid, cursors.theirs!)),
    wayOf(`page ${FAR}`, api, pathOf(CHAT, cursors.ours!)),
  ]
  const answers: Page[] = []
  for (const { child, load } of ways) answers.push(await read(child.url + load.requests[0]!.path))
  for (const i of [0, 2]) assert.deepEqual(answers[i]!.data, answers[i + 1]!.data)
  const statements = await api.ask<number>({
    count: { url: ways[1]!.child.url + ways[1]!.load.requests[0]!.path, headers },
  })
  const found = await inTurns(ways, { rounds: ROUNDS, seconds: SECONDS, connections: CONNECTIONS })
  const [near, ownNear, far, ownFar] = found as [Measured[], Measured[], Measured[], Measured[]]
  const slower = median(ownFar.map((each, round) => ownNear[round]!.perSecond / each.perSecond))
  const row = (name: string, own: Measured[], to: Measured[], more: Record<string, string | number>) => ({
    ...rowOf(name, own, to),
    messages: MESSAGES,
    ...more,
  })
  const goal = (own: Measured[], to: Measured[]) => ({
    statements,
    goal: `≥ ${GOAL} ×`,
    met: timesOf(own, to) >= GOAL ? 'yes' : 'no',
  })
  report('rest-list', [
    row(ways[0]!.name, near, near, {}),
    row(ways[1]!.name, ownNear, near, goal(ownNear, near)),
    row(ways[2]!.name, far, far, {}),
    row(ways[3]!.name, ownFar, far, goal(ownFar, far)),
    {
      what: `page ${FAR} to page 1, in time`,
      times: Number(slower.toFixed(2)),
      goal: `≤ ${FAR_GOAL} ×`,
      met: slower <= FAR_GOAL ? 'yes' : 'no',
    },
  ])
} finally {
  await api.end()
  await fastify.end()
  await postgres.end()
}
