/**
 * What figures for Prometheus cost: `node bench/metrics.ts`.
 * 1. Each place that counts, alone: µs a call.
 * 2. A request over HTTP with its statements: µs of the server's CPU with all of it and without, in turns.
 * 3. A scrape: how long, how much, and how long the statement for it takes.
 */
import { EventEmitter } from 'node:events'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { openApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import type { App } from '../src/context.ts'
import { measuredSql } from '../src/db/measured.ts'
import { readSharedFigures } from '../src/db/queries/shared-figures.ts'
import { type Sql, sqlOverPool } from '../src/db/sql.ts'
import { countCall } from '../src/http/count.ts'
import { createTenant } from '../src/resolvers/auth/createTenant.ts'
import { countEvent } from '../src/resolvers/observability/countEvent.ts'
import { createMetrics, type Metrics } from '../src/telemetry/metrics/metrics.ts'
import { answerOfCaller } from './support/caller.ts'
import { median } from './support/measure.ts'

const ROUNDS = 7
const CALLS = 100_000
const SECONDS = 2
const CONNECTIONS = 8

if (process.argv[2] === 'caller') process.once('message', of => void callerMain(of as Load))
else await main()

interface Load {
  url: string
  apiKey: string
}

async function callerMain({ url, apiKey }: Load): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
  const endMs = performance.now() + SECONDS * 1000
  let count = 0
  const one = () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const call = request(url, { agent, headers: { 'x-api-key': apiKey } }, answer =>
      answer.resume().once('end', resolve),
    )
    call.once('error', reject).end()
    return promise
  }
  const caller = async () => {
    for (; performance.now() < endMs; count++) await one()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, caller))
  process.send!(count, () => process.exit(0))
}

function run(load: Load): Promise<number> {
  return answerOfCaller(import.meta.url, load)
}

/** Takes everything and keeps nothing. */
function nothing(metrics: Metrics): Metrics {
  const parts = Object.entries(metrics).map(([part, functions]) => {
    const names = Object.keys(functions as object)
    return [part, Object.fromEntries(names.map(name => [name, () => () => {}]))]
  })
  return { ...Object.fromEntries(parts), exposition: metrics.exposition }
}

async function alone(): Promise<void> {
  const metrics = createMetrics({ version: 'bench' })
  const without = nothing(metrics)
  const answered = async (given: Metrics) => {
    const res = Object.assign(new EventEmitter(), { headersSent: true, statusCode: 200, getHeader: () => undefined })
    const ctx = { metrics: given, facts: { route: '/v1/instances/{instance_id}' } }
    countCall({} as never, { req: { method: 'GET' }, res, ctx } as never)
    res.emit('close')
  }
  const clock = { nowMs: () => 1_000_000_000_100 }
  const subject = { status: 'sent', content: { type: 'text' }, timestamp: new Date(1_000_000_000_000), error: null }
  const event = { type: 'message.status', subject, passed: [] }
  const happened = async (given: Metrics) => countEvent({ metrics: given, clock } as never, event as never)
  const bare: Sql = { query: async () => [] }
  const timed = measuredSql(metrics.database.took, 'single', bare)
  const cases: [string, () => Promise<unknown>, () => Promise<unknown>][] = [
    ['a request', () => answered(metrics), () => answered(without)],
    ['a status of a message', () => happened(metrics), () => happened(without)],
    ['a statement', () => timed.query('select 1'), () => bare.query('select 1')],
  ]
  console.log('\n1. Alone, µs a call (median of rounds in turns)\n')
  for (const [what, withThem, withoutThem] of cases) {
    const costs: [number[], number[]] = [[], []]
    for (let round = 0; round < ROUNDS; round++) {
      costs[0].push(await costUs(withThem))
      costs[1].push(await costUs(withoutThem))
    }
    const [more, less] = costs.map(median) as [number, number]
    console.log(
      `${what.padEnd(24)} with ${more.toFixed(2)}   without ${less.toFixed(2)}   +${(more - less).toFixed(2)}`,
    )
  }
}

async function costUs(work: () => Promise<unknown>): Promise<number> {
  const start = process.hrtime.bigint()
  for (let i = 0; i < CALLS; i++) await work()
  return Number(process.hrtime.bigint() - start) / CALLS / 1000
}

async function overHttp(app: App, load: Load): Promise<void> {
  const { metrics, db } = app
  const { sql } = db
  const way = { with: { metrics, sql }, without: { metrics: nothing(metrics), sql: sqlOverPool(db.pool) } }
  const cpuUs = async (name: keyof typeof way) => {
    app.metrics = way[name].metrics
    db.sql = way[name].sql
    const before = process.cpuUsage()
    const count = await run(load)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / count
  }
  await run(load)
  const ratios: number[] = []
  const costs: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    // The one that goes first changes: what else the machine does meets both.
    const names = round % 2 === 0 ? (['with', 'without'] as const) : (['without', 'with'] as const)
    const took = { with: 0, without: 0 }
    for (const name of names) took[name] = await cpuUs(name)
    ratios.push(took.with / took.without)
    costs.push(took.without)
  }
  app.metrics = metrics
  db.sql = sql
  console.log('\n2. GET /v1/instances with an API key, µs of CPU a request\n')
  console.log(`without ${median(costs).toFixed(0)}   with ÷ without ${median(ratios).toFixed(3)} (${spread(ratios)})`)
}

function spread(values: number[]): string {
  return `${Math.min(...values).toFixed(3)} to ${Math.max(...values).toFixed(3)}`
}

async function scraped(app: App): Promise<void> {
  const tookMs: number[] = []
  const statementMs: number[] = []
  let text = ''
  for (let round = 0; round < ROUNDS * 3; round++) {
    const startMs = performance.now()
    text = (await app.metrics.exposition()).text
    tookMs.push(performance.now() - startMs)
    const beginMs = performance.now()
    await readSharedFigures(app.db.sql)
    statementMs.push(performance.now() - beginMs)
  }
  const series = text.split('\n').filter(line => line !== '' && !line.startsWith('#')).length
  console.log('\n3. A scrape\n')
  console.log(`${series} series, ${(text.length / 1024).toFixed(0)} KiB, made in ${median(tookMs).toFixed(1)} ms`)
  console.log(`what waits, in a database with nothing in it: ${median(statementMs).toFixed(1)} ms`)
}

async function main(): Promise<void> {
  await alone()
  const dataDir = mkdtempSync(join(tmpdir(), 'wataki-bench-'))
  chmodSync(dataDir, 0o711)
  const settings = { PORT: '0', DATA_DIR: dataDir, SANDBOX: 'off', RATE_LIMIT_PER_MINUTE: '100000000' }
  const { app, url, close } = await openApp(readConfig(settings), pino({ level: 'silent' }))
  try {
    const { apiKey } = await createTenant(app, { name: 'acme', email: 'acme@example.com' })
    await overHttp(app, { url: `${url}/v1/instances`, apiKey })
    await scraped(app)
  } finally {
    await close()
    rmSync(dataDir, { recursive: true, force: true })
  }
}
