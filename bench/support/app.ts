/**
 * A server in a process of its own, with the embedded database, and its sandbox in another: what is measured of the server
 * is its own. It answers what the bench asks.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { pino } from 'pino'
import { openApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createTenant } from '../../src/resolvers/auth/createTenant.ts'
import { type DatabaseCost, databaseCost } from './database-cost.ts'

export interface Place {
  apiKey: string
  tenantId: string
}

/** Since the last time that it was asked. */
export interface Health {
  heapMostMb: number
  /** At this moment; after a collection, where the server has one to call. */
  heapMb: number
  rssMb: number
  /** What keeps the event loop alive. */
  resources: number
  delayP50: number
  delayP99: number
  delayMost: number
  refused: number
  /** Sent to the database, those that begin and end transactions, too. */
  statements: number
  /** Of all threads of the process. */
  cpuMs: number
  /** Its main thread had work, and no core to do it on; null: not known on this system. */
  starvedMs: number | null
  /** Of all of PostgreSQL; null: not known on this system. */
  databaseCpuMs: number | null
  /** That PostgreSQL has written to its log. */
  walBytes: number
}

export interface BenchServer {
  url: string
  pid: number
  sandboxUrl: string
  tenant(name: string): Promise<Place>
  sql<R>(text: string, params?: unknown[]): Promise<R[]>
  health(): Promise<Health>
  end(): Promise<void>
}

const RESOLUTION_MS = 10

type Asked = { tenant: string } | { sql: string; params: unknown[] } | { health: true } | { end: true }

if (process.argv[2] === 'bench-server') await serverMain()

async function serverMain(): Promise<void> {
  let statements = 0
  const { query } = pg.Client.prototype
  pg.Client.prototype.query = function (this: pg.Client, ...args: never) {
    statements++
    return query.apply(this, args)
  } as typeof query
  let cpu = process.cpuUsage()
  let starved = starvedMs()
  let database: DatabaseCost = { cpuMs: 0, walBytes: 0 }
  const running = await openApp(readConfig(), pino({ level: process.env.LOG_LEVEL ?? 'silent' }))
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delay.enable()
  let [heapMost, refused] = [0, 0]
  setInterval(() => (heapMost = Math.max(heapMost, process.memoryUsage().heapUsed)), 50).unref()
  const { app } = running
  const late = (quantile: number) => Math.max(0, delay.percentile(quantile) / 1e6 - RESOLUTION_MS)
  const answer = async (asked: Asked): Promise<unknown> => {
    if ('tenant' in asked) return createTenant(app, { name: asked.tenant, email: `${asked.tenant}@example.com` })
    if ('sql' in asked) return app.db.sql.query(asked.sql, asked.params)
    if ('end' in asked) {
      await running.close()
      setImmediate(() => process.exit(0))
      return null
    }
    globalThis.gc?.()
    const { heapUsed, rss } = process.memoryUsage()
    const before = database
    database = await databaseCost(app.db.sql)
    const health: Health = {
      heapMostMb: heapMost / 1_048_576,
      heapMb: heapUsed / 1_048_576,
      rssMb: rss / 1_048_576,
      resources: process.getActiveResourcesInfo().length,
      delayP50: late(50),
      delayP99: late(99),
      delayMost: Math.max(0, delay.max / 1e6 - RESOLUTION_MS),
      refused: app.turnstile.refused - refused,
      statements,
      cpuMs: cpuMsSince(cpu),
      starvedMs: starved === null ? null : starvedMs()! - starved,
      databaseCpuMs: database.cpuMs === null ? null : database.cpuMs - (before.cpuMs ?? 0),
      walBytes: database.walBytes - before.walBytes,
    }
    statements = 0
    cpu = process.cpuUsage()
    starved = starvedMs()
    refused = app.turnstile.refused
    heapMost = 0
    delay.reset()
    return health
  }
  process.on('message', asked => void answer(asked as Asked).then(told => process.send!(told ?? null)))
  process.on('disconnect', () => process.exit(0))
  process.send!(running.url)
}

/** Of the main thread since it began: the second number of schedstat, in nanoseconds. */
function starvedMs(): number | null {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6
  } catch {
    return null
  }
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

export async function openBenchServer(settings: Record<string, string> = {}): Promise<BenchServer> {
  const dir = mkdtempSync(join(tmpdir(), 'wataki-bench-'))
  chmodSync(dir, 0o755)
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const common = { ...process.env, NODE_ENV: 'test', LOG_LEVEL: 'silent' }
  const network = spawn(process.execPath, ['--max-semi-space-size=4', 'src/sandbox/main.ts'], {
    cwd: root,
    env: { ...common, DATA_DIR: join(dir, 'network'), SANDBOX_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [said] = await once(network.stdout, 'data')
  const sandboxUrl = /SANDBOX_URL=(\S+)/.exec(String(said))![1]!
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), ['bench-server'], {
    execArgv: ['--max-semi-space-size=4', ...(process.env.SERVER_FLAGS?.split(' ') ?? [])],
    env: {
      ...common,
      PORT: '0',
      DATA_DIR: join(dir, 'server'),
      SANDBOX_URL: sandboxUrl,
      RATE_LIMIT_PER_MINUTE: '100000000',
      QUOTA: 'off',
      ...settings,
    },
  })
  const [url] = (await once(child, 'message')) as [string]
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the server ended')))
  ended.catch(() => {})
  let turn: Promise<unknown> = Promise.resolve()
  const ask = <T>(asked: Asked): Promise<T> => {
    const next = turn.then(async () => {
      const answer = once(child, 'message')
      child.send(asked)
      return (await Promise.race([answer, ended]))[0] as T
    })
    turn = next.catch(() => {})
    return next
  }
  return {
    url,
    pid: child.pid!,
    sandboxUrl,
    tenant: name => ask({ tenant: name }),
    sql: (text, params = []) => ask({ sql: text, params }),
    health: () => ask({ health: true }),
    async end() {
      const exit = once(child, 'exit')
      await ask({ end: true }).catch(() => {})
      await exit
      network.kill('SIGTERM')
      await once(network, 'exit')
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A sandbox instance, linked and connected; `before` has its id before it is linked. */
export async function link(
  server: Pick<BenchServer, 'url'>,
  { place, name, before }: { place: Place; name: string; before?: (id: string) => Promise<void> },
): Promise<string> {
  const call = async (path: string, body?: unknown) => {
    const headers = { 'x-api-key': place.apiKey, ...(body !== undefined && { 'content-type': 'application/json' }) }
    const init = { method: 'POST', headers, ...(body !== undefined && { body: JSON.stringify(body) }) }
    const response = await fetch(`${server.url}/v1/instances${path}`, init)
    const answer = (await response.json()) as { id: string; state: string }
    if (!response.ok) throw new Error(`${path}: ${response.status} ${JSON.stringify(answer)}`)
    return answer
  }
  const { id } = await call('', { name, sandbox: true })
  await before?.(id)
  await call(`/${id}/connect`)
  await call(`/${id}/sandbox/scan`)
  return id
}
