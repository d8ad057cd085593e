import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { schema } from '../../src/schema/index.ts'
import { createSecrets } from '../../src/secrets.ts'
import { type Json, until } from '../support/app.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { type Belongings, graphqlOperations, MISSING, restOperations } from '../support/operations.ts'

/**
 * A server in a process of its own, at its most talkative, through every operation, with what must never be logged in
 * each place where it could be: then all that it wrote, on stdout and stderr, is searched.
 */

const SECRET_KEY = 'canary-secret-key-0f1e2d3c4b5a69788796a5b4'
const OPERATOR_KEY = 'canary-operator-key-9c8b7a6d5e4f30211203f4e5'
const METRICS_TOKEN = 'canary-metrics-token-5f6e7d8c9b0a11223344f5e6'
const SMTP_PASSWORD = 'canary-smtp-password'
const STRIPE_KEY = 'sk_test_canary0f1e'
const STRIPE_SECRET = 'whsec_canary0f1e'
const PHONE = '5511987650001'
const PAIRING_PHONE = '5511987650002'
const EMAIL = 'canary.person@example.com'
const canary = (what: string) => `canary-${what}-7d1f`

let database: TestDatabase
let dataDir: string
let smtp: SMTPServer
let stripe: Server
let server: ChildProcess
let url: string
let said = ''
const letters: string[] = []
/** What gave the operator's key away in its answer. */
const tellers: string[] = []
/** What must not be in the log, by what it is. */
const canaries = new Map<string, string>()

beforeAll(async () => {
  database = await testDatabase()
  dataDir = await mkdtemp(join(tmpdir(), 'wataki-canary-'))
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth: (_auth, _session, done) => done(null, { user: 'x' }),
    onData(stream, _session, done) {
      let letter = ''
      stream
        .on('data', chunk => (letter += chunk))
        .on('end', () => {
          letters.push(letter)
          done()
        })
    },
  })
  await new Promise<void>(resolve => smtp.listen(0, '127.0.0.1', resolve))
  // Tells whoever calls what they have sent.
  stripe = createServer((req, res) => {
    const error = { type: 'invalid_request_error', message: `Invalid API Key provided: ${req.headers.authorization}` }
    res.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error }))
  })
  await new Promise<void>(resolve => stripe.listen(0, '127.0.0.1', resolve))
  const env = {
    ...process.env,
    NODE_ENV: 'production',
    HOST: '127.0.0.1',
    PORT: '0',
    PUBLIC_URL: 'http://localhost',
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    SECRET_KEY,
    OPERATOR_KEY,
    METRICS_TOKEN,
    SANDBOX: 'on',
    LOG_LEVEL: 'trace',
    RATE_LIMIT_PER_MINUTE: '1000000',
    STRIPE_API_URL: `http://127.0.0.1:${(stripe.address() as AddressInfo).port}`,
    STRIPE_SECRET_KEY: STRIPE_KEY,
    STRIPE_WEBHOOK_SECRET: STRIPE_SECRET,
    STRIPE_PRICE_GROWTH: 'price_growth',
    STRIPE_PRICE_SCALE: 'price_scale',
    SMTP_URL: `smtp://mailer:${SMTP_PASSWORD}@127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
  }
  server = spawn(process.execPath, ['src/main.ts'], { env })
  for (const stream of [server.stdout!, server.stderr!]) stream.on('data', chunk => (said += chunk))
  url = await until(
    () => /"url":"(http:[^"]+)"/.exec(said)?.[1] ?? '',
    found => found !== '',
  )
  const words = ['src/cli.ts', 'tenant', 'create', '--name', canary('tenant'), '--email', EMAIL]
  const { stdout } = await promisify(execFile)(process.execPath, words, { env })
  apiKey = JSON.parse(stdout).api_key
}, 60_000)
afterAll(async () => {
  server?.kill('SIGKILL')
  await new Promise<void>(resolve => smtp.close(() => resolve()))
  await new Promise(resolve => stripe.close(resolve))
  await database?.drop()
  await rm(dataDir, { recursive: true, force: true })
})

let apiKey = ''

interface Answer {
  status: number
  headers: Headers
  body: Json
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const content = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(url + path, {
    method,
    body: content,
    headers: { 'x-api-key': apiKey, ...(content !== undefined && { 'content-type': 'application/json' }), ...headers },
    signal: AbortSignal.timeout(20_000),
  })
  const text = await response.text()
  if (`${text} ${[...response.headers]}`.includes(OPERATOR_KEY)) tellers.push(`${method} ${path}`)
  const isJson = /json/.test(response.headers.get('content-type') ?? '')
  return { status: response.status, headers: response.headers, body: isJson && text !== '' ? JSON.parse(text) : text }
}

/** Signs in by mail; plants the token and the cookie. */
async function signIn(): Promise<void> {
  await ask('POST', '/v1/auth/login', { email: EMAIL })
  await until(
    () => letters.length,
    count => count > 0,
  )
  const letter = letters.at(-1)!.replace(/=\r\n/g, '').replaceAll('=3D', '=')
  const token = /#token=([\w-]+)/.exec(letter)![1]!
  canaries.set('the token of a sign-in link', token)
  const verified = await ask('POST', '/v1/auth/verify', { token }, { origin: 'http://localhost' })
  const cookie = /wataki_session=([^;]+)/.exec(verified.headers.get('set-cookie') ?? '')![1]!
  canaries.set('a session cookie', cookie)
  await ask('GET', '/v1/auth/me', undefined, { cookie: `wataki_session=${cookie}`, 'x-api-key': '' })
}

async function linkedInstance(): Promise<Belongings> {
  const { id } = (await ask('POST', '/v1/instances', { name: canary('instance'), sandbox: true })).body
  const path = `/v1/instances/${id}`
  canaries.set('a QR code', (await ask('POST', `${path}/connect`)).body.qr)
  await ask('POST', `${path}/sandbox/scan`)
  const { phone_number: phone } = (await ask('GET', path)).body
  canaries.set("the instance's own number", phone.slice(1))
  const send = { chat_id: PHONE, type: 'text', content: { text: canary('outbound text') } }
  const sent = await ask('POST', `${path}/messages`, send)
  await ask('POST', `${path}/sandbox/messages`, {
    from: PHONE,
    type: 'text',
    content: { text: canary('inbound text') },
  })
  const list = () => ask('GET', `${path}/messages?chat_id=${PHONE}`)
  await until(list, ({ body }) => body.data.length >= 2)
  const key = await ask('POST', '/v1/auth/api-keys', { name: canary('key name') })
  canaries.set('a second API key', key.body.api_key)
  const hook = { url: `https://nowhere.invalid/${canary('webhook path')}`, events: ['message.received'] }
  const own = await ask('POST', `${path}/webhooks`, { ...hook, secret: canary('webhook secret') })
  canaries.set('a made webhook secret', (await ask('POST', `${path}/webhooks`, hook)).body.secret)
  const tested = await ask('POST', `${path}/webhooks/${own.body.id}/test`)
  return {
    instanceId: id,
    messageId: sent.body.id,
    mediaId: MISSING.mediaId,
    keyId: key.body.id,
    webhookId: own.body.id,
    deliveryId: tested.body.id,
  }
}

/** Each operation once on our own things; what deletes them last. */
async function everyOperation(own: Belongings): Promise<string[]> {
  const used: string[] = []
  const last = (name: string) => /^(delete|revoke|disconnect|logout)/.test(name)
  const document = (await ask('GET', '/v1/openapi.json')).body
  const graphql = graphqlOperations(schema).map(operation => ({ ...operation, door: 'graphql' as const }))
  const rest = restOperations(document).map(operation => ({ ...operation, door: 'rest' as const }))
  const ordered = [...graphql, ...rest].sort((a, b) => Number(last(a.name)) - Number(last(b.name)))
  for (const operation of ordered) {
    // Without a second delete there is something for each door to be refused on.
    const ids = last(operation.name) && operation.door === 'graphql' ? MISSING : own
    if (operation.door === 'rest') {
      const { method, path, body } = operation.request(ids)
      await ask(method, path, body)
    } else {
      const { query, variables, isStream } = operation.request(ids)
      const accept = isStream ? 'text/event-stream' : 'application/json'
      const answer = ask('POST', '/graphql', { query, variables }, { accept })
      if (isStream) await Promise.race([answer.catch(() => {}), new Promise(resolve => setTimeout(resolve, 200))])
      else await answer
    }
    used.push(operation.name)
  }
  return used
}

async function billed(): Promise<void> {
  expect((await ask('POST', '/v1/billing/upgrade', { plan: 'growth' })).status).toBe(503)
  const signed = { 'stripe-signature': `t=1,v1=${STRIPE_SECRET}` }
  expect((await ask('POST', '/v1/billing/stripe-webhook', {}, signed)).status).toBe(400)
}

/** With its key where it belongs, and where it does not. */
async function asOperator(): Promise<void> {
  const key = { 'x-api-key': OPERATOR_KEY }
  expect((await ask('GET', '/v1/observability/nodes', undefined, key)).status).toBe(200)
  const { body } = await ask('POST', '/graphql', { query: '{ nodes { data { id } } }' }, key)
  expect(body.data.nodes.data).toHaveLength(1)
  await ask('GET', '/v1/instances', undefined, key)
  await ask('GET', `/v1/observability/nodes?key=${OPERATOR_KEY}`, undefined, key)
  await ask('POST', '/graphql', { query: `{ ${OPERATOR_KEY.replaceAll('-', '_')} }` }, key)
  await ask('GET', '/v1/observability/nodes', undefined, { 'x-api-key': `${OPERATOR_KEY}x` })
  await ask('GET', '/v1/observability/nodes', undefined, { authorization: `Bearer ${OPERATOR_KEY}` })
}

/** The same with Prometheus's token. Nothing of all that was done stands in the figures. */
async function asPrometheus(): Promise<void> {
  const token = { authorization: `Bearer ${METRICS_TOKEN}` }
  const { status, body } = await ask('GET', '/metrics', undefined, token)
  expect(status).toBe(200)
  for (const [what, value] of canaries) expect(body.includes(value), what).toBe(false)
  await ask('GET', '/metrics', undefined, { authorization: `Bearer ${METRICS_TOKEN}x` })
  await ask('GET', `/metrics?token=${METRICS_TOKEN}`)
  await ask('GET', '/v1/instances', undefined, { 'x-api-key': METRICS_TOKEN })
}

/** Refusals and crashes, with a canary in each part of a request. */
async function trouble(instanceId: string): Promise<void> {
  await ask('GET', `/v1/instances?limit=${canary('query')}&${canary('query name')}=1`)
  await ask('GET', `/v1/${canary('path')}/${PHONE}`)
  await ask('GET', `/${canary('path')}?token=${canary('query')}`)
  await ask('GET', `/v1/instances/${canary('path')}`)
  await ask('POST', '/v1/instances', `{"name": "${canary('broken json')}`)
  await ask('POST', '/v1/instances', { name: canary('body'), secret: `whsec_${canary('webhook secret')}` })
  await ask('GET', '/v1/instances', undefined, {
    authorization: `Bearer ${canary('header')}`,
    'user-agent': canary('agent'),
  })
  await ask('POST', '/graphql', {
    query: `query ${canary('name').replaceAll('-', '_').replaceAll(' ', '_')} { instances { ${canary('x')} } }`,
  })
  await ask('POST', '/graphql', {
    query: 'mutation($input: CreateInstanceInput!) { createInstance(input: $input) { id } }',
    variables: { input: { name: canary('variable'), description: canary('variable') } },
  })
  await ask('POST', `/v1/instances/${instanceId}/connect`, { phone_number: `+${PAIRING_PHONE}` })
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const text = { chat_id: PHONE, type: 'text', content: { text: canary('text of a crash') } }
  // PostgreSQL tells the whole row that it did not take.
  try {
    await client.query(
      `alter table message add constraint broken check (id = '') not valid;
       alter table instance rename column name to name_away`,
    )
    await ask('POST', `/v1/instances/${instanceId}/messages`, text, { 'x-request-id': 'the-crash.1' })
    await ask('POST', '/v1/instances', { name: canary('name of a crash'), description: PHONE })
    await ask('GET', `/v1/instances/${instanceId}`)
    await ask(
      'POST',
      '/graphql',
      { query: `{ instance(instanceId: "${instanceId}") { name } }` },
      { 'x-request-id': 'the-crash.2' },
    )
  } finally {
    await client.query(
      'alter table message drop constraint broken; alter table instance rename column name_away to name',
    )
  }
  // In mid-flight: connections that are cut.
  const asked = Array.from({ length: 20 }, () => ask('POST', `/v1/instances/${instanceId}/messages`, text))
  await client.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )
  await Promise.allSettled(asked)
  await client.end()
}

/** The private halves that the database holds of the session, as any log would write them. */
async function plantSignalKeys(instanceId: string): Promise<number> {
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  const secrets = createSecrets(SECRET_KEY)
  let planted = 0
  const plant = (sealed: Buffer, place: string) => {
    for (const [, base64] of secrets
      .open(sealed, place)
      .toString('latin1')
      .matchAll(/"([A-Za-z0-9+/]{42,}={0,2})"/g)) {
      const bytes = Buffer.from(base64!, 'base64')
      canaries.set(`Signal key ${++planted} in base64`, base64!)
      canaries.set(`Signal key ${planted} in hex`, bytes.toString('hex'))
      canaries.set(
        `Signal key ${planted} as Node prints it`,
        [...bytes.subarray(0, 12)].map(byte => byte.toString(16).padStart(2, '0')).join(' '),
      )
    }
  }
  const { rows } = await client.query('select value from credential where instance_id = $1', [instanceId])
  for (const row of rows) plant(row.value, `credential|${instanceId}|value`)
  const keys = await client.query('select type, id, value from signal_key where instance_id = $1 limit 200', [
    instanceId,
  ])
  for (const { type, id, value } of keys.rows) plant(value, `signal_key|${instanceId}|${type}|${id}|value`)
  await client.end()
  return planted
}

describe('the log, at trace', () => {
  it('holds no secret, no text and no full phone number, whatever was asked and whatever broke', async () => {
    for (const [what, value] of Object.entries({
      'the API key': apiKey,
      'the secret key': SECRET_KEY,
      'the key of the operator': OPERATOR_KEY,
      'the token of Prometheus': METRICS_TOKEN,
      'the password of the mail server': SMTP_PASSWORD,
      'the key of Stripe': STRIPE_KEY,
      "the secret of Stripe's events": STRIPE_SECRET,
      'a phone number': PHONE,
      'a phone number without its country': PHONE.slice(4),
      'the number of a phone to pair': PAIRING_PHONE,
      'an e-mail address': EMAIL,
      'any text of ours': 'canary-',
      'any text of ours, as a name in GraphQL': 'canary_',
    })) {
      canaries.set(what, value)
    }
    await signIn()
    const own = await linkedInstance()
    expect(await plantSignalKeys(own.instanceId)).toBeGreaterThan(10)
    await trouble(own.instanceId)
    await asOperator()
    await billed()
    const used = await everyOperation(own)
    expect(used.length).toBeGreaterThan(25)
    await asPrometheus()
    server.kill('SIGTERM')
    await until(
      () => server.exitCode,
      code => code !== null,
    )
    const lines = said.trim().split('\n')
    for (const line of lines) expect(() => JSON.parse(line), line).not.toThrow()
    const found = [...canaries].filter(([, value]) => said.includes(value))
    const where = found.map(([what, value]) => [what, lines.find(line => line.includes(value))?.slice(0, 600)])
    expect(where).toEqual([])
    expect(tellers).toEqual([])
    expect(canaries.size).toBeGreaterThanOrEqual(12)
  }, 120_000)

  it('has one line for each request, with its id, its route and its tenant, and the crash under the same id', () => {
    const lines: Json[] = said
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    const requests = lines.filter(line => line.msg === 'request')
    expect(requests.length).toBeGreaterThan(60)
    for (const id of ['the-crash.1', 'the-crash.2']) {
      const [line] = requests.filter(request => request.requestId === id)
      expect(line).toMatchObject({
        level: 30,
        method: 'POST',
        ms: expect.any(Number),
        tenantId: expect.stringMatching(/^ten_/),
      })
      const [crash] = lines.filter(each => each.level === 50 && each.requestId === id)
      expect(crash).toMatchObject({
        errorId: expect.stringMatching(/^err_/),
        err: { type: expect.any(String), message: expect.any(String) },
      })
    }
    expect(requests.find(line => line.requestId === 'the-crash.1')).toMatchObject({
      route: '/v1/instances/{instance_id}/messages',
      status: 500,
      code: 'internal_error',
    })
    expect(requests.find(line => line.requestId === 'the-crash.2')).toMatchObject({
      route: '/graphql',
      operations: ['instance'],
      status: 200,
    })
    expect(lines.find(line => line.msg === 'instance changed')).toMatchObject({ state: 'connecting' })
    expect(lines.flatMap(line => line.notLogged ?? [])).toEqual([])
  })
})
