/**
 * What stands before each call costs of the server's processor: `npm run bench -- door`. One route with nothing behind it,
 * served four times by one process: without key check, limiter and log; with the bare statement that does both, through the
 * same pool; with the real gate; and with the line of the log. What is beside the statement is `the log`, which has the gate before it, less `the statement`.
 * ROUNDS, SECONDS and CONNECTIONS are environment variables.
 */
import { pino } from 'pino'
import { openApp } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { chargeCaller } from '../src/db/queries/rate-buckets.ts'
import type { Doorkeeper } from '../src/http/gate.ts'
import { createServer } from '../src/http/server.ts'
import { Turnstile } from '../src/http/turnstile.ts'
import { admit, chargeMore, mayBeGood } from '../src/resolvers/auth/admit.ts'
import { createTenant } from '../src/resolvers/auth/createTenant.ts'
import { stillGood } from '../src/resolvers/auth/still-good.ts'
import { schema } from '../src/schema/index.ts'
import { sha256 } from '../src/secrets.ts'
import { createLog } from '../src/telemetry/log.ts'
import { apiSettings, inTurns, type Measured, openPostgres } from './support/beside.ts'
import { cpuUs, serve, start } from './support/child.ts'
import { given, median } from './support/measure.ts'
import { report } from './support/results.ts'

const ROUNDS = given('ROUNDS', 7)
const SECONDS = given('SECONDS', 3)
const CONNECTIONS = given('CONNECTIONS', 8)
const GOAL_US = 30
const LIMIT = 100_000_000

if (process.argv[2] === 'server') await serverMain()
else await main()

async function serverMain(): Promise<void> {
  const log = createLog({ level: 'info', json: true, to: pino.destination({ dest: '/dev/null', sync: true }) })
  const running = await openApp(readConfig(), pino({ level: 'silent' }))
  const { app } = running
  const { apiKey } = await createTenant(app, { name: 'acme', email: 'acme@example.com' })
  const value = sha256(apiKey)
  const real: Doorkeeper = { mayBeGood, isOperator: () => false, admit, chargeMore, stillGood }
  // Who is the operator passes without a look at the database.
  const none: Doorkeeper = { ...real, isOperator: () => true }
  const bare = new Turnstile({ atOnce: app.config.requestsAtOnce, log })
  const enter = bare.enter.bind(bare)
  bare.enter = async who => {
    await chargeCaller(app.db.sql, { by: 'key-hash', value }, { tokens: 1, limit: LIMIT })
    return enter(who)
  }
  const on = async (given: Partial<typeof app>, doorkeeper: Doorkeeper) => {
    const server = await createServer(Object.assign(Object.create(app), given), { schema, doorkeeper })
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
    return `http://127.0.0.1:${port}`
  }
  const origins = {
    none: await on({}, none),
    statement: await on({ turnstile: bare }, none),
    gate: await on({}, real),
    log: await on({ log }, real),
  }
  serve(
    asked => (asked.cpu ? cpuUs() : { apiKey, origins }),
    () => running.close(),
  )
}

async function main(): Promise<void> {
  const postgres = await openPostgres()
  const server = await start(import.meta.url, 'server', { env: apiSettings(postgres.url) })
  try {
    const { apiKey, origins } = await server.ask({})
    const requests = [{ path: '/v1/nothing', headers: { 'x-api-key': apiKey } }]
    const names = ['none', 'statement', 'gate', 'log'] as const
    const ways = names.map(name => ({ name, child: server, load: { origin: origins[name], requests, status: 404 } }))
    const found = await inTurns(ways, { rounds: ROUNDS, seconds: SECONDS, connections: CONNECTIONS })
    const [none, statement, gate, log] = found as [Measured[], Measured[], Measured[], Measured[]]
    const more = (a: Measured[], b: Measured[]) => median(a.map((each, round) => each.cpuUs - b[round]!.cpuUs))
    const besideUs = more(log, statement)
    const row = (what: string, own: Measured[], than: Measured[] | null) => ({
      what,
      'requests/s': Math.round(median(own.map(each => each.perSecond))),
      'p50 ms': Number(median(own.map(each => each.p50)).toFixed(2)),
      'CPU µs': Math.round(median(own.map(each => each.cpuUs))),
      'more µs': than ? Number(more(own, than).toFixed(1)) : '',
    })
    report('door', [
      row('a route with nothing before it', none, null),
      row('and the one statement', statement, none),
      row('key check and limiter', gate, statement),
      row('and the log', log, gate),
      {
        what: 'all of it, beside the statement',
        'more µs': Number(besideUs.toFixed(1)),
        goal: `≤ ${GOAL_US} µs`,
        met: besideUs <= GOAL_US ? 'yes' : 'no',
      },
    ])
  } finally {
    await server.end()
    await postgres.end()
  }
}
