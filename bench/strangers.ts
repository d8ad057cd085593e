/**
 * What honest tenants notice of keys being tried, and of one tenant far beyond its limit: `npm run bench -- strangers`.
 * The app, the honest callers and the others each run in a process of their own, on loopback with the embedded
 * database. All cases take turns, so that what else the machine does meets each of them; ratios are within one turn.
 * FIRST=1: the app, the honest callers and the database go before the others whenever they have work, as on machines of
 * their own.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, createServer, request } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setPriority, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { newApiKey } from '../src/resolvers/auth/api-key.ts'
import { given, median } from './support/measure.ts'
import { goFirst } from './support/priority.ts'

const ROUNDS = given('ROUNDS', 3)
const FIRST = given('FIRST', 0) > 0
/** In 5, one stall of 60 ms is the p99. */
const SECONDS = given('SECONDS', 20)
const HONEST_PER_SECOND = 100
const STRANGERS_PER_SECOND = 2000
/** One minute's allowance is 600: ten times it is 100 a second. */
const LIMIT_PER_MINUTE = 600
const GREEDY_PER_SECOND = (10 * LIMIT_PER_MINUTE) / 60
const HONEST_TENANTS = 20
const CONNECTIONS = 64
/** Of the honest callers' own process, which is not what is measured. */
const WARM_MS = 1000

interface Load {
  port: number
  /** Path and key of each request, taken in turn. */
  requests: { path: string; key: string }[]
  perSecond: number
  seconds: number
  from: string
}

interface Outcome {
  p50: number
  p99: number
  statuses: Record<string, number>
}

interface Address {
  port: number
}

interface Served extends Address {
  honest: Load['requests']
  greedy: Load['requests']
}

const roles: Record<string, () => Promise<void>> = { app, elsewhere, honest, others }
await (roles[process.argv[2] ?? ''] ?? main)()

/** The real app, with its tenants. Asked with anything, it tells the microseconds of CPU that it has used so far. */
async function app(): Promise<void> {
  // Here alone: the callers are to begin at once.
  const [{ pino }, { openApp }, { readConfig }, { createTenant }] = await Promise.all([
    import('pino'),
    import('../src/app.ts'),
    import('../src/config.ts'),
    import('../src/resolvers/auth/createTenant.ts'),
  ])
  const dataDir = mkdtempSync(join(tmpdir(), 'wataki-bench-'))
  chmodSync(dataDir, 0o711)
  const log = pino({ level: 'silent' })
  const settings = { PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'silent', RATE_LIMIT_PER_MINUTE: `${LIMIT_PER_MINUTE}` }
  const running = await openApp(readConfig(settings), log)
  const tenant = async (name: string) => {
    const { tenantId, apiKey: key } = await createTenant(running.app, { name, email: `${name}@example.com` })
    const answer = await fetch(`${running.url}/v1/instances`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ name, sandbox: true }),
    })
    const { id } = (await answer.json()) as { id: string }
    return { tenantId, path: `/v1/instances/${id}`, key }
  }
  const honest = []
  for (let i = 0; i < HONEST_TENANTS; i++) honest.push(await tenant(`honest${i}`))
  const greedy = await tenant('greedy')
  const served: Served = { port: Number(new URL(running.url).port), honest, greedy: [greedy] }
  const spend = `insert into rate_bucket values ($1, now(), $2)
    on conflict (key) do update set window_start = excluded.window_start, used = excluded.used`
  process.on('message', async () => {
    // Who calls at ten times the limit has used up its minute after six seconds of it.
    await running.app.db.sql.query(spend, [greedy.tenantId, LIMIT_PER_MINUTE])
    const { user, system } = process.cpuUsage()
    process.send!(user + system)
  })
  process.once('disconnect', () => {
    void running.close().then(() => {
      rmSync(dataDir, { recursive: true, force: true })
      process.exit(0)
    })
  })
  if (FIRST) goFirst(process.pid)
  process.send!(served)
}

/** A server that does nothing: what the load itself takes of the machine. */
async function elsewhere(): Promise<void> {
  const server = createServer((_, response) => response.end('nothing'))
  server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port } satisfies Address))
  process.once('disconnect', () => process.exit(0))
}

/** Begins a call whenever one is due, whatever became of those before it; late ones count from when they were due. */
async function inTime({ perSecond, seconds }: Load, call: (dueMs: number) => void): Promise<void> {
  const startMs = performance.now()
  for (let i = 0; i < perSecond * seconds; i++) {
    const dueMs = startMs + (i * 1000) / perSecond
    if (dueMs > performance.now()) await sleep(Math.max(1, dueMs - performance.now()))
    call(dueMs)
  }
}

function told(): Promise<Load> {
  return new Promise(resolve => process.once('message', load => resolve(load as Load)))
}

function report(tookMs: number[], statuses: Record<string, number>): void {
  tookMs.sort((a, b) => a - b)
  const at = (share: number) => tookMs[Math.min(tookMs.length - 1, Math.floor(tookMs.length * share))] ?? Number.NaN
  process.send!({ p50: at(0.5), p99: at(0.99), statuses } satisfies Outcome, () => process.exit(0))
}

async function honest(): Promise<void> {
  if (FIRST) goFirst(process.pid)
  const load = await told()
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const tookMs: number[] = []
  const statuses: Record<string, number> = {}
  const calls: Promise<void>[] = []
  let next = 0
  // Its code is compiled by then.
  const countedMs = performance.now() + WARM_MS
  await inTime(load, dueMs => {
    const { path, key } = load.requests[next++ % load.requests.length]!
    const { promise, resolve } = Promise.withResolvers<void>()
    const tell = (status: string | number | undefined) => {
      if (dueMs >= countedMs) tookMs.push(performance.now() - dueMs)
      statuses[`${status}`] = (statuses[`${status}`] ?? 0) + 1
      resolve()
    }
    const at = { host: '127.0.0.1', port: load.port, path, headers: { 'x-api-key': key }, localAddress: load.from }
    request({ agent, ...at }, answer => answer.resume().once('end', () => tell(answer.statusCode)))
      .once('error', error => tell(error.message))
      .end()
    calls.push(promise)
  })
  await Promise.all(calls)
  report(tookMs, statuses)
}

/** Bytes that are made beforehand, over bare sockets: the load is to cost the machine as little as it can. */
async function others(): Promise<void> {
  if (FIRST) setPriority(10)
  const load = await told()
  const requests = load.requests.map(({ path, key }) =>
    Buffer.from(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: ${key}\r\n\r\n`),
  )
  const tookMs: number[] = []
  const statuses: Record<string, number> = {}
  const idle: Socket[] = []
  const due: number[] = []
  let next = 0
  const send = (socket: Socket, dueMs: number) => {
    socket.write(requests[next++ % requests.length]!)
    socket.once('data', bytes => {
      tookMs.push(performance.now() - dueMs)
      const status = bytes.toString('latin1', 9, 12)
      statuses[status] = (statuses[status] ?? 0) + 1
      const waiting = due.shift()
      if (waiting === undefined) idle.push(socket)
      else send(socket, waiting)
    })
  }
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = connect({ host: '127.0.0.1', port: load.port, localAddress: load.from })
    await new Promise(resolve => socket.once('connect', resolve))
    idle.push(socket)
  }
  await inTime(load, dueMs => {
    const socket = idle.pop()
    if (socket) send(socket, dueMs)
    else due.push(dueMs)
  })
  const endMs = performance.now() + 2000
  while (idle.length < CONNECTIONS && performance.now() < endMs) await sleep(20)
  report(tookMs, statuses)
}

function start(role: string): ChildProcess {
  return fork(fileURLToPath(import.meta.url), [role])
}

function heard<T>(child: ChildProcess): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const ended = (code: number | null) => reject(new Error(`a process ended with ${code}`))
  child.once('message', message => resolve(message as T)).once('exit', ended)
  return promise.finally(() => child.off('exit', ended))
}

function run(role: string, load: Load): Promise<Outcome> {
  const child = start(role)
  const outcome = heard<Outcome>(child)
  child.send(load)
  return outcome
}

async function main(): Promise<void> {
  const [server, bare] = [start('app'), start('elsewhere')]
  try {
    const [served, { port: bareAt }] = await Promise.all([heard<Served>(server), heard<Address>(bare)])
    await measure(server, served, bareAt)
  } finally {
    bare.disconnect()
    const gone = new Promise(resolve => server.once('exit', resolve))
    server.disconnect()
    await gone
  }
}

interface Measured extends Outcome {
  cpuUs: number
  others: Outcome | null
}

async function measure(server: ChildProcess, served: Served, bareAt: number): Promise<void> {
  const { path } = served.honest[0]!
  const keys = (make: () => string) => Array.from({ length: 10_000 }, () => ({ path, key: make() }))
  const other = (requests: Load['requests'], perSecond: number, port = served.port): Load => {
    return { port, requests, perSecond, seconds: SECONDS + 2, from: '127.0.0.2' }
  }
  const mistyped = () => newApiKey().replace(/.$/, last => (last === '0' ? '1' : '0'))
  const cases: [string, Load | null][] = [
    ['nobody', null],
    ['nobody, again', null],
    ['2,000/s to a bare server elsewhere', other(keys(newApiKey), STRANGERS_PER_SECOND, bareAt)],
    ['2,000/s of unknown keys', other(keys(newApiKey), STRANGERS_PER_SECOND)],
    ['2,000/s of keys with a bad checksum', other(keys(mistyped), STRANGERS_PER_SECOND)],
    ['one tenant at 10 times its limit', other(served.greedy, GREEDY_PER_SECOND)],
  ]
  const cpuUs = () => {
    const answer = heard<number>(server)
    server.send('cpu')
    return answer
  }
  const once = async (load: Load | null): Promise<Measured> => {
    await cpuUs()
    const others = load && run('others', load)
    await sleep(1000)
    const before = await cpuUs()
    const mine = { port: served.port, requests: served.honest, perSecond: HONEST_PER_SECOND, seconds: SECONDS }
    const outcome = await run('honest', { ...mine, from: '127.0.0.1' })
    return { ...outcome, cpuUs: (await cpuUs()) - before, others: await others }
  }
  await once(null)
  const rounds: Measured[][] = []
  for (let round = 0; round < ROUNDS; round++) {
    const row: Measured[] = []
    for (const [, load] of cases) row.push(await once(load))
    rounds.push(row)
  }
  tell(cases, rounds)
}

function tell(cases: [string, Load | null][], rounds: Measured[][]): void {
  console.log(`\n${HONEST_TENANTS} honest tenants at ${HONEST_PER_SECOND}/s together; medians of ${ROUNDS} rounds`)
  console.log('\nbeside them                            p50 ms  p99 ms   p99 of nobody’s  app’s CPU   others were told')
  for (const [i, [what]] of cases.entries()) {
    const of = (pick: (each: Measured, row: Measured[]) => number) => median(rounds.map(row => pick(row[i]!, row)))
    const refused = rounds.flatMap(row => Object.keys(row[i]!.statuses)).filter(status => status !== '200')
    const numbers = [
      of(({ p50 }) => p50)
        .toFixed(2)
        .padStart(8),
      of(({ p99 }) => p99)
        .toFixed(2)
        .padStart(8),
      `× ${of(({ p99 }, [nobody]) => p99 / nobody!.p99).toFixed(2)}`.padStart(14),
      `${of(each => each.cpuUs / SECONDS / 10_000).toFixed(0)} %`.padStart(14),
    ].join('')
    const { others } = rounds[0]![i]!
    const answers = others ? `   ${JSON.stringify(others.statuses)} p50 ${others.p50.toFixed(1)} ms` : ''
    console.log(`${what.padEnd(37)}${numbers}${answers}${refused.length > 0 ? `   honest were told ${refused}` : ''}`)
  }
}
