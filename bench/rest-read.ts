/**
 * `GET /v1/instances/{id}`, beside a route of Fastify that makes the same statements: `npm run bench -- rest-read`.
 * ROUNDS, SECONDS and CONNECTIONS are environment variables.
 */
import assert from 'node:assert/strict'
import { inTurns, openApi, openFastify, openPostgres, rowOf, timesOf } from './support/beside.ts'
import { given } from './support/measure.ts'
import { report } from './support/results.ts'

const ROUNDS = given('ROUNDS', 5)
const SECONDS = given('SECONDS', 3)
const CONNECTIONS = given('CONNECTIONS', 8)
const GOAL = 0.9

const postgres = await openPostgres()
const api = await openApi(postgres.url)
const fastify = await openFastify(postgres.url)
try {
  const { apiKey } = await api.ask({ tenant: 'acme' })
  const headers = { 'x-api-key': apiKey }
  const made = await fetch(`${api.url}/v1/instances`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'bot', description: 'Answers what customers ask' }),
  })
  const path = `/v1/instances/${((await made.json()) as { id: string }).id}`
  const answers: unknown[] = await Promise.all(
    [api, fastify].map(async ({ url }) => (await fetch(url + path, { headers })).json()),
  )
  assert.deepEqual(answers[0], answers[1])
  const ways = [
    { name: 'Fastify, the same statements', child: fastify },
    { name: 'GET /v1/instances/{id}', child: api },
  ].map(way => ({ ...way, load: { origin: way.child.url, requests: [{ path, headers }] } }))
  const [theirs, ours] = await inTurns(ways, { rounds: ROUNDS, seconds: SECONDS, connections: CONNECTIONS })
  const times = timesOf(ours!, theirs!)
  report('rest-read', [
    rowOf(ways[0]!.name, theirs!, theirs!),
    { ...rowOf(ways[1]!.name, ours!, theirs!), goal: `≥ ${GOAL} ×`, met: times >= GOAL ? 'yes' : 'no' },
  ])
} finally {
  await api.end()
  await fastify.end()
  await postgres.end()
}
