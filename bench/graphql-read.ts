/**
 * One object, and 50 with what they hold, beside Yoga as it comes on the same resolvers: `npm run bench -- graphql-read`.
 * ROUNDS, SECONDS and CONNECTIONS are environment variables.
 */
import assert from 'node:assert/strict'
import type { Pool } from 'pg'
import { inTurns, openApi, openPlainYoga, openPostgres, rowOf, timesOf } from './support/beside.ts'
import { given } from './support/measure.ts'
import { report } from './support/results.ts'

const ROUNDS = given('ROUNDS', 5)
const SECONDS = given('SECONDS', 3)
const CONNECTIONS = given('CONNECTIONS', 8)
const GOAL = 1.5
const STATEMENTS_MAX = 10
const INSTANCES = 50

const ONE = `query One($id: ID!) {
  instance(instanceId: $id) { id name description status { state updatedAt } phoneNumber config { autoReconnect } createdAt }
}`
const MANY = `query Many {
  instances(limit: 50) {
    data {
      id name status { state updatedAt }
      webhooks { id url events }
      chats(limit: 2) { data { id lastMessage { id status timestamp content { ... on TextContent { text } } } } }
    }
    page { nextCursor }
  }
}`

/** Two chats of each instance, with ten messages each, and a webhook. */
async function fill(pool: Pool, tenantId: string): Promise<void> {
  const statements = [
    `insert into instance (id, tenant_id, name, sandbox)
       select 'inst_' || lpad(n::text, 26, '0'), $1, 'bot ' || n, false from generate_series(1, ${INSTANCES}) as n`,
    `insert into chat (id, tenant_id, instance_id, phone)
       select 'chat_' || right(id, 10) || k, $1, id, '55119' || right(id, 7) || k || '@s.whatsapp.net'
       from instance, generate_series(1, 2) as k where tenant_id = $1`,
    `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, timestamp)
       select 'msg_' || right(id, 11) || lpad(n::text, 15, '0'), $1, instance_id, n::text, id, 'x', 'inbound', 'text',
         'delivered', '{"text":"What a contact says"}', now()
       from chat, generate_series(1, 10) as n where tenant_id = $1`,
    `insert into webhook (id, tenant_id, instance_id, url, events, secret)
       select 'whk_' || right(id, 26), $1, id, 'https://x.example', '{message.received}', '' from instance where tenant_id = $1`,
  ]
  for (const text of statements) await pool.query(text, [tenantId])
  await pool.query('vacuum analyze')
}

const postgres = await openPostgres()
const api = await openApi(postgres.url)
const yoga = await openPlainYoga(postgres.url)
try {
  const { apiKey, tenantId } = await api.ask({ tenant: 'acme' })
  await fill(postgres.pool, tenantId)
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' }
  const id = `inst_${'1'.padStart(26, '0')}`
  const cases = [
    { what: 'one object', body: JSON.stringify({ query: ONE, variables: { id } }) },
    { what: `${INSTANCES} with children`, body: JSON.stringify({ query: MANY }) },
  ]
  const rows = []
  for (const { what, body } of cases) {
    const call = { method: 'POST' as const, headers, body }
    const ask = async (url: string) => (await fetch(`${url}/graphql`, call)).json()
    const answer = (await ask(api.url)) as { errors?: unknown }
    assert.equal(answer.errors, undefined)
    assert.deepEqual(answer, await ask(yoga.url))
    const statements = await api.ask<number>({ count: { url: `${api.url}/graphql`, ...call } })
    const ways = [
      { name: `${what}: plain Yoga`, child: yoga },
      { name: what, child: api },
    ].map(way => ({ ...way, load: { origin: way.child.url, requests: [{ path: '/graphql', ...call }] } }))
    const [theirs, ours] = await inTurns(ways, { rounds: ROUNDS, seconds: SECONDS, connections: CONNECTIONS })
    const isMet = timesOf(ours!, theirs!) >= GOAL && statements <= STATEMENTS_MAX
    rows.push(rowOf(ways[0]!.name, theirs!, theirs!), {
      ...rowOf(ways[1]!.name, ours!, theirs!),
      statements,
      goal: `≥ ${GOAL} ×, ≤ ${STATEMENTS_MAX} statements`,
      met: isMet ? 'yes' : 'no',
    })
  }
  report('graphql-read', rows)
} finally {
  await api.end()
  await yoga.end()
  await postgres.end()
}
