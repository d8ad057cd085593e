/**
 * What the door costs, on loopback with the embedded database: `node bench/door.ts`.
 * 1. Gate, identity and allowance for each request: a route with them, and with a doorkeeper who nods.
 * 2. What honest tenants notice of others: keys being tried, and one tenant far beyond its allowance.
 * Callers run in processes of their own; figures of the server are its own CPU.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { openApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import type { Doorkeeper } from '../src/http/gate.ts'
import { createServer } from '../src/http/server.ts'
import { newApiKey } from '../src/resolvers/auth/api-key.ts'
import { createTenant } from '../src/resolvers/auth/createTenant.ts'
import { startSession } from '../src/resolvers/auth/session.ts'
import { schema } from '../src/schema/index.ts'
import { sha256 } from '../src/secrets.ts'
import { answerOfCaller } from './support/caller.ts'

interface Load {
  url: string
  /** Taken in turn. */
  headers: Record<string, string>[]
  connections: number
  seconds: number
  /** Each second, whatever the answers do; 0: the next when the last is answered. */
  rate: number
  from: string
}

interface Outcome {
  count: number
  statuses: Record<string, number>
  p50: number
  p99: number
}

const IDENTITY = `select api_key.id, api_key.tenant_id, tenant.status from api_key
  join tenant on tenant.id = api_key.tenant_id where api_key.hash = $1 and api_key.revoked_at is null`

if (process.argv[2] === 'caller') process.once('message', load => void callerMain(load as Load))
else await main()

async function callerMain(load: Load): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.connections })
  const tookMs: number[] = []
  const statuses: Record<string, number> = {}
  const endMs = performance.now() + load.seconds * 1000
  let i = 0
  const call = (dueMs: number) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const options = { agent, headers: load.headers[i++ % load.headers.length], localAddress: load.from }
    const tell = (status: string) => {
      tookMs.push(performance.now() - dueMs)
      statuses[status] = (statuses[status] ?? 0) + 1
      resolve()
    }
    const req = request(load.url, options, answer => answer.resume().once('end', () => tell(String(answer.statusCode))))
    req.once('error', error => tell((error as NodeJS.ErrnoException).code ?? 'error')).end()
    return promise
  }
  if (load.rate === 0) {
    const one = async () => {
      while (performance.now() < endMs) await call(performance.now())
    }
    await Promise.all(Array.from({ length: load.connections }, one))
  } else {
    const calls: Promise<void>[] = []
    for (let dueMs = performance.now(); dueMs < endMs; dueMs += 1000 / load.rate) {
      if (dueMs > performance.now()) await sleep(Math.max(1, dueMs - performance.now()))
      calls.push(call(dueMs))
    }
    await Promise.all(calls)
  }
  tookMs.sort((a, b) => a - b)
  const at = (share: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? 0
  process.send!({ count: tookMs.length, statuses, p50: at(0.5), p99: at(0.99) } satisfies Outcome, () =>
    process.exit(0),
  )
}

function run(load: Load): Promise<Outcome> {
  return answerOfCaller(import.meta.url, load)
}

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'wataki-bench-'))
  chmodSync(dataDir, 0o711)
  const config = readConfig({
    PORT: '0',
    DATA_DIR: dataDir,
    SANDBOX: 'off',
    LOG_LEVEL: 'silent',
    RATE_LIMIT_PER_MINUTE: '600',
  })
  const running = await openApp(config, pino({ level: 'silent' }))
  try {
    await cost(running)
    await neighbours(running)
  } finally {
    await running.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

type Running = Awaited<ReturnType<typeof openApp>>

async function makeTenant({ app }: Running, name: string) {
  const { tenantId, apiKey } = await createTenant(app, { name, email: `${name}@example.com` })
  const { token } = await startSession(app.db.sql, { tenantId, now: app.clock.now() })
  return { tenantId, key: { 'x-api-key': apiKey }, cookie: { cookie: `wataki_session=${token}` } }
}

async function cost(running: Running): Promise<void> {
  const { app } = running
  const acme = await makeTenant(running, 'acme')
  const allowance = { limit: 600, remaining: 599, resetsAtSeconds: 1_900_000_000, resetsInSeconds: 60 }
  const caller = { tenantId: acme.tenantId, via: { kind: 'key', apiKeyId: 'key_1' } } as const
  const nods = async () => ({ caller, active: true, admitted: true, allowance })
  const doorkeeper: Doorkeeper = {
    mayBeGood: () => true,
    isOperator: () => false,
    admit: nods,
    chargeMore: nods,
    stillGood: async (_app, callers) => [...callers],
  }
  const serving = async (given: Doorkeeper) => {
    const server = await createServer(app, { schema, doorkeeper: given })
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
    return { url: `http://127.0.0.1:${port}`, close: () => server.close() }
  }
  const nodding = await serving(doorkeeper)
  const identifies = async (_app: unknown, credentials: object) => {
    const hash = sha256((credentials as { apiKey: string }).apiKey)
    await app.db.sql.query(IDENTITY, [hash], 'bench-identity')
    return nods()
  }
  const counting = await serving({ ...doorkeeper, admit: identifies })
  const generous = { ...app.config, rateLimitPerMinute: 100_000_000 }
  const config = app.config
  app.config = generous
  console.log('\n1. Cost of one request (8 connections, 4 s each, best of 3)\n')
  console.log('route                          caller         req/s   p50 ms   p99 ms   CPU µs   status')
  const measure = async (what: string, url: string, headers: Record<string, string>) => {
    let best: (Outcome & { cpuUs: number }) | null = null
    for (let i = 0; i < 3; i++) {
      const load = { url, headers: [headers], connections: 8, rate: 0, from: '127.0.0.1' }
      await run({ ...load, seconds: 1 })
      const before = process.cpuUsage()
      const outcome = await run({ ...load, seconds: 4 })
      const { user, system } = process.cpuUsage(before)
      const cpuUs = (user + system) / outcome.count
      if (!best || cpuUs < best.cpuUs) best = { ...outcome, cpuUs }
    }
    const { count, p50, p99, cpuUs, statuses } = best!
    const numbers = [(count / 4).toFixed(0), p50.toFixed(2), p99.toFixed(2), cpuUs.toFixed(0)]
    console.log(`${what.padEnd(44)}${numbers.map(text => text.padStart(9)).join('')}   ${Object.keys(statuses)}`)
    return best!
  }
  const rows: [string, string][] = [
    ['404, nothing behind the gate', '/v1/nothing'],
    ['GET /v1/instances', '/v1/instances'],
  ]
  for (const [what, path] of rows) {
    const without = await measure(`${what.padEnd(31)}nods`, nodding.url + path, acme.key)
    await measure(`${what.padEnd(31)}key, no limit`, counting.url + path, acme.key)
    const byKey = await measure(`${what.padEnd(31)}API key`, running.url + path, acme.key)
    await measure(`${what.padEnd(31)}session`, running.url + path, acme.cookie)
    const more = `${(byKey.cpuUs - without.cpuUs).toFixed(0)} µs of CPU, ${(byKey.p50 - without.p50).toFixed(2)} ms`
    console.log(`   gate, identity and allowance by key: ${more}\n`)
  }
  app.config = config
  await measure('401 for a bad checksum, over the limit', `${running.url}/v1/nothing`, { 'x-api-key': 'f'.repeat(64) })
  const spent = await makeTenant(running, 'spent')
  await app.db.sql.query('insert into rate_bucket values ($1, now(), 600)', [spent.tenantId])
  await measure('429 for a tenant over its limit', `${running.url}/v1/nothing`, spent.key)
  await nodding.close()
  await counting.close()
}

async function neighbours(running: Running): Promise<void> {
  const honest = []
  for (let i = 0; i < 20; i++) honest.push((await makeTenant(running, `honest${i}`)).key)
  const greedy = await makeTenant(running, 'greedy')
  const unknown = Array.from({ length: 5000 }, () => ({ 'x-api-key': newApiKey() }))
  const mistyped = [{ 'x-api-key': 'f'.repeat(64) }]
  const url = `${running.url}/v1/instances`
  const other = (headers: Record<string, string>[], rate: number): Load => {
    return { url, headers, rate, connections: 64, seconds: 7, from: '127.0.0.2' }
  }
  const honestly = { url, headers: honest, rate: 80, connections: 32, seconds: 5, from: '127.0.0.1' }
  console.log('\n2. 20 honest tenants at 80 req/s together, and beside them (best of 3)')
  console.log('\n                                              p50 ms   p99 ms  refused   others were told')
  const cases: [string, Load | null][] = [
    ['nobody', null],
    ['nobody, again', null],
    ['2,000/s with a bad checksum', other(mistyped, 2000)],
    ['2,000/s with unknown keys', other(unknown, 2000)],
    ['one tenant at 10 times its limit (100/s)', other([greedy.key], 100)],
    ['one tenant at 200 times its limit (2,000/s)', other([greedy.key], 2000)],
  ]
  // In turns, so that what else the machine does meets all of them.
  const outcomes = cases.map(() => [] as Outcome[])
  const told = cases.map(() => '')
  for (let round = 0; round < 3; round++) {
    for (const [i, [, load]] of cases.entries()) {
      const beside = load ? run(load) : null
      await sleep(1000)
      outcomes[i]!.push(await run(honestly))
      if (beside) told[i] = JSON.stringify((await beside).statuses)
    }
  }
  for (const [i, [what]] of cases.entries()) {
    const [{ p50, p99 }] = outcomes[i]!.toSorted((a, b) => a.p99 - b.p99) as [Outcome]
    const refused = outcomes[i]!.reduce((sum, { count, statuses }) => sum + count - (statuses[200] ?? 0), 0)
    const numbers = [p50.toFixed(2), p99.toFixed(2), String(refused)].map(text => text.padStart(9)).join('')
    console.log(`${what.padEnd(44)}${numbers}   ${told[i]}`)
  }
}
