import { Agent, request } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../src/schema/index.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp } from '../support/app.ts'
import { misfit } from '../support/conforms.ts'
import { type FuzzRequest, graphqlRequests, type Pool, restRequests } from '../support/fuzz.ts'
import { MISSING } from '../support/operations.ts'

/** Replayed by FUZZ_SEED; FUZZ_REQUESTS makes a run longer. */
const SEED = Number(process.env.FUZZ_SEED ?? 20_260_000)
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? 20_000)
const AT_ONCE = 16

let wataki: TestApp
let caller: Caller
let document: Json
let pool: Pool
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
const crashes: unknown[] = []
const onCrash = (error: unknown) => void crashes.push(error)

/**
 * What these do to an instance that is really there waits for WhatsApp (connect up to 15 s, scan up to 15 s) or ends
 * what the other requests work on: they get ids that are nobody's.
 */
const NOT_ON_OURS = ['connectInstance', 'disconnectInstance', 'scanSandboxQr', 'deleteInstance', 'revokeApiKey']

beforeAll(async () => {
  process.on('unhandledRejection', onCrash)
  process.on('uncaughtExceptionMonitor', onCrash)
  wataki = await openTestApp({ RATE_LIMIT_PER_MINUTE: '100000000' })
  caller = await wataki.tenant()
  const foreign = await wataki.tenant()
  const linked = await connectedInstance(caller, 'linked')
  const idle = (await caller.post('/v1/instances', { name: 'idle', sandbox: true })).body.id
  const theirs = (await foreign.post('/v1/instances', { name: 'theirs', sandbox: true })).body.id
  const sent = await caller.post(`/v1/instances/${linked}/messages`, {
    chat_id: '5511900000001',
    type: 'text',
    content: { text: 'x' },
  })
  const ours: Record<string, string[]> = { instanceId: [linked, idle, idle], messageId: [sent.body.id], keyId: [] }
  const others: Record<string, string[]> = {
    instanceId: [theirs, MISSING.instanceId],
    messageId: [MISSING.messageId],
    keyId: [MISSING.keyId],
  }
  pool = (operation, argument) =>
    argument in others ? [...(NOT_ON_OURS.includes(operation) ? [] : ours[argument]!), ...others[argument]!] : []
  document = (await caller.get('/v1/openapi.json')).body
})
afterAll(async () => {
  process.off('unhandledRejection', onCrash)
  process.off('uncaughtExceptionMonitor', onCrash)
  agent.destroy()
  await wataki.close()
})

interface Answered {
  status: number
  headers: Record<string, unknown>
  text: string
}

function send({ method, path, contentType, body }: FuzzRequest): Promise<Answered> {
  const { hostname, port } = new URL(wataki.url)
  const headers: Record<string, string> = { 'x-api-key': caller.apiKey }
  if (contentType !== null) headers['content-type'] = contentType
  if (body !== null) headers['content-length'] = String(Buffer.byteLength(body))
  const { promise, resolve, reject } = Promise.withResolvers<Answered>()
  const sent = request({ hostname, port, agent, method, path, headers, timeout: 20_000 }, response => {
    const chunks: Buffer[] = []
    response.on('data', chunk => chunks.push(chunk))
    response.on('end', () => {
      resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() })
    })
  })
  sent.on('timeout', () => sent.destroy(new Error('no answer within 20 s')))
  sent.on('error', reject)
  sent.end(body ?? undefined)
  return promise
}

/** Sends them all, some at a time; answers what was wrong, with the request that shows it. */
async function barrage(
  requests: FuzzRequest[],
  judge: (request: FuzzRequest, answer: Answered) => string | null,
): Promise<{ failures: string[]; statuses: Record<string, number> }> {
  const failures: string[] = []
  const statuses: Record<string, number> = {}
  let next = 0
  const worker = async () => {
    for (let i = next++; i < requests.length && failures.length < 5; i = next++) {
      const asked = requests[i]!
      const answer = await send(asked).catch((error: Error) => error)
      const wrong = answer instanceof Error ? answer.message : judge(asked, answer)
      if (!(answer instanceof Error)) statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
      if (wrong) {
        const told = answer instanceof Error ? '' : `${answer.status} ${answer.text.slice(0, 500)}`
        failures.push(`${wrong}\n  seed ${SEED}, request ${i}: ${JSON.stringify(asked).slice(0, 2000)}\n  ${told}`)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return { failures, statuses }
}

function restVerdict(asked: FuzzRequest, { status, headers, text }: Answered): string | null {
  if (status >= 500) return `status ${status}`
  if (!headers['x-request-id']) return 'no X-Request-Id'
  if (text === '') return status === 204 || asked.method === 'HEAD' ? null : 'an empty body'
  const value = JSON.parse(text)
  if (status >= 400) return misfit(value, document.components.schemas.Error, document)
  const described = describedAs(asked)?.responses[status]
  if (!described) return 'status is not described'
  return misfit(value, described.content['application/json'].schema, document)
}

/** The operation that answers, in the document: by method and path, as a stranger would look it up. */
function describedAs({ method, path }: FuzzRequest): Json {
  const [asked] = path.split('?')
  const of = Object.entries<Json>(document.paths).find(([template]) =>
    new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(asked!),
  )
  return of?.[1][method.toLowerCase()]
}

function graphqlVerdict(_: FuzzRequest, { status, headers, text }: Answered): string | null {
  if (status >= 500) return `status ${status}`
  if (!headers['x-request-id']) return 'no X-Request-Id'
  const { data, errors } = JSON.parse(text)
  if (errors === undefined) return data && typeof data === 'object' ? null : 'neither data nor errors'
  for (const { message, extensions } of errors) {
    if (typeof message !== 'string' || !/^[a-z_]+$/.test(extensions?.code)) return 'an error without message or code'
    if (typeof extensions.details !== 'object') return 'an error without details'
    if (extensions.code === 'internal_error') return 'an internal error'
  }
  return null
}

const halves: [string, () => fc.Arbitrary<FuzzRequest>, typeof restVerdict][] = [
  ['REST', () => restRequests(document, pool), restVerdict],
  ['GraphQL', () => graphqlRequests(schema, pool), graphqlVerdict],
]

describe(`${REQUESTS} requests made from the schema and bent, seed ${SEED}`, () => {
  it.each(halves)(
    '%s answers all of them as published, and nothing breaks',
    async (name, arbitrary, verdict) => {
      const requests = fc.sample(arbitrary(), { numRuns: REQUESTS / 2, seed: SEED })
      const startMs = performance.now()
      const { failures, statuses } = await barrage(requests, verdict)
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1)
      process.stdout.write(`${name}: ${requests.length} requests in ${seconds} s, ${JSON.stringify(statuses)}\n`)
      expect(failures.join('\n')).toBe('')
      expect(crashes).toEqual([])
      // Neither all refused nor all taken: else the generator tests nothing.
      const refused = requests.length - (statuses[200] ?? 0) - (statuses[201] ?? 0) - (statuses[202] ?? 0)
      expect(refused / requests.length).toBeGreaterThan(name === 'REST' ? 0.2 : 0)
      expect(refused / requests.length).toBeLessThan(0.95)
      expect((await caller.get('/v1/instances?limit=1')).status).toBe(200)
    },
    240_000,
  )
})
