/** The API and what it is measured by, each a process of its own, on one PostgreSQL with the same rows. */
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { openApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { startEmbedded } from '../../src/db/embedded.ts'
import { createTenant } from '../../src/resolvers/auth/createTenant.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { type Child, cpuUs, serve, start } from './child.ts'
import { type Load, type Outcome, openCallers } from './load.ts'
import { median } from './measure.ts'

export const LIMIT_PER_MINUTE = '100000000'
const SECRET_KEY = 'a key of a bench, which is long enough'

/** The whole of it, with its log on, as it is started by `npm start`. */
async function api(): Promise<void> {
  const log = createLog({ level: 'info', json: true, to: pino.destination({ dest: '/dev/null', sync: true }) })
  const running = await openApp(readConfig(), log)
  serve(
    async asked => {
      if (asked.cpu) return cpuUs()
      if (asked.tenant) {
        return createTenant(running.app, { name: asked.tenant, email: `${asked.tenant}@example.com` })
      }
      if (asked.count) return statementsIn(asked.count)
      return { url: running.url }
    },
    () => running.close(),
  )
}

/** Statements that this process makes while it answers; the fewest of some tries, as the clock makes some, too. */
async function statementsIn({ url, ...init }: { url: string } & RequestInit): Promise<number> {
  const { query } = pg.Client.prototype
  let count = 0
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    count++
    return (query as (...args: unknown[]) => unknown).apply(this, args)
  } as never
  const counts: number[] = []
  for (let i = 0; i < 10; i++) {
    count = 0
    await (await fetch(url, init)).text()
    counts.push(count)
  }
  pg.Client.prototype.query = query
  return Math.min(...counts)
}

export interface Postgres {
  url: string
  pool: pg.Pool
  end(): Promise<void>
}

/** In `dir`, which is kept; else in a folder that is removed at the end. */
export async function openPostgres(dir?: string): Promise<Postgres> {
  const dataDir = dir ?? mkdtempSync(join(tmpdir(), 'wataki-bench-'))
  if (!existsSync(dataDir)) mkdirSync(dataDir, { recursive: true })
  chmodSync(dataDir, 0o711)
  const engine = await startEmbedded({ dataDir, log: { debug() {}, info() {}, warn() {} } })
  // At the end the server may be quicker to leave than its connections.
  engine.pool.on('error', () => {})
  if (engine.kind !== 'embedded') throw new Error('PostgreSQL cannot run here')
  return {
    url: `postgres://postgres@${encodeURIComponent(engine.pool.options.host!)}/postgres`,
    pool: engine.pool,
    async end() {
      await engine.close()
      if (!dir) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export interface Api extends Child {
  url: string
}

/** Of a process that runs the app on this database. */
export const apiSettings = (databaseUrl: string): Record<string, string> => ({
  NODE_ENV: 'production',
  PUBLIC_URL: 'http://localhost:3000',
  PORT: '0',
  SANDBOX: 'off',
  DATABASE_URL: databaseUrl,
  DATA_DIR: mkdtempSync(join(tmpdir(), 'wataki-bench-')),
  SECRET_KEY,
  RATE_LIMIT_PER_MINUTE: LIMIT_PER_MINUTE,
})

async function served(url: string, role: string, env: Record<string, string>): Promise<Api> {
  const flags = ['--max-semi-space-size=4', ...(process.env.SERVER_FLAGS?.split(' ') ?? [])]
  const child = await start(url, role, { env, flags })
  return { ...child, url: (await child.ask({})).url }
}

export const openApi = (databaseUrl: string, settings: Record<string, string> = {}): Promise<Api> =>
  served(import.meta.url, 'api', { ...apiSettings(databaseUrl), ...settings })

export const openFastify = (databaseUrl: string): Promise<Api> =>
  served(new URL('fastify.ts', import.meta.url).href, 'fastify', {
    DATABASE_URL: databaseUrl,
    RATE_LIMIT_PER_MINUTE: LIMIT_PER_MINUTE,
  })

export const openPlainYoga = (databaseUrl: string): Promise<Api> =>
  served(new URL('plain-yoga.ts', import.meta.url).href, 'plain-yoga', apiSettings(databaseUrl))

/** One of those that are compared: who serves, and what is asked of them. */
export interface Way {
  name: string
  child: Child
  load: Omit<Load, 'seconds' | 'connections'>
}

export interface Measured extends Outcome {
  /** Of the one that serves, for each request. */
  cpuUs: number
}

/** Each in turn, round by round, the order turned each time; what the machine does beside it meets all of them. */
export async function inTurns(
  ways: Way[],
  { rounds, seconds, connections }: { rounds: number; seconds: number; connections: number },
): Promise<Measured[][]> {
  const callers = await openCallers()
  const found: Measured[][] = ways.map(() => [])
  const run = async ({ child, load }: Way, forSeconds: number): Promise<Measured> => {
    const before = await child.ask<number>({ cpu: true })
    const outcome = await callers.ask<Outcome>({ ...load, connections, seconds: forSeconds } satisfies Load)
    return { ...outcome, cpuUs: ((await child.ask<number>({ cpu: true })) - before) / outcome.count }
  }
  try {
    for (const way of ways) await run(way, Math.max(1, seconds))
    for (let round = 0; round < rounds; round++) {
      const order = ways.map((_, i) => (round % 2 === 0 ? i : ways.length - 1 - i))
      for (const i of order) found[i]!.push(await run(ways[i]!, seconds))
    }
  } finally {
    await callers.end()
  }
  return found
}

/** Medians, and how many times what `to` does, round by round. */
export function rowOf(name: string, own: Measured[], to: Measured[]): Record<string, string | number> {
  const at = (key: keyof Measured, digits: number) => Number(median(own.map(each => each[key])).toFixed(digits))
  return {
    what: name,
    'requests/s': at('perSecond', 0),
    'p50 ms': at('p50', 2),
    'p99 ms': at('p99', 2),
    'CPU µs': at('cpuUs', 0),
    times: Number(timesOf(own, to).toFixed(2)),
  }
}

export const timesOf = (own: Measured[], to: Measured[]): number =>
  median(own.map((each, round) => each.perSecond / to[round]!.perSecond))

if (process.argv[2] === 'api' && import.meta.main) await api()
