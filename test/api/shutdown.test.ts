import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { openDatabase } from '../../src/db/open.ts'
import { createTenant } from '../../src/resolvers/auth/createTenant.ts'
import { until } from '../support/app.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

let database: TestDatabase
let dataDir: string
let apiKey: string
beforeAll(async () => {
  database = await testDatabase()
  dataDir = await mkdtemp(join(tmpdir(), 'wataki-stop-'))
  const db = await openDatabase({ databaseUrl: database.url, dataDir, log: { debug() {}, info() {}, warn() {} } })
  apiKey = (await createTenant({ db, clock: systemClock }, { name: 'Acme', email: 'a@example.com' })).apiKey
  await db.close()
})
afterAll(async () => {
  await database.drop()
  await rm(dataDir, { recursive: true, force: true })
})

interface Process {
  child: ChildProcess
  url: string
  ended: Promise<number | null>
}

const SERVER = [process.execPath, 'src/main.ts']

async function start(nodeEnv: string, [command, ...words] = SERVER): Promise<Process> {
  const child = spawn(command!, words, {
    env: {
      PATH: process.env.PATH,
      HOME: dataDir,
      npm_config_update_notifier: 'false',
      NODE_ENV: nodeEnv,
      PORT: '0',
      HOST: '127.0.0.1',
      DATABASE_URL: database.url,
      DATA_DIR: dataDir,
      SECRET_KEY: 'a key of the tests, which is long enough',
      RATE_LIMIT_PER_MINUTE: '1000000',
      SANDBOX: 'off',
      LOG_LEVEL: 'info',
    },
  })
  const ended = new Promise<number | null>(resolve => child.once('exit', resolve))
  let said = ''
  const listening = /(http:\/\/127\.0\.0\.1:\d+)/
  child.stdout.on('data', chunk => {
    if (!listening.test(said)) said += chunk
  })
  child.stderr.on('data', chunk => (said += chunk))
  const found = await until(
    () => listening.exec(said)?.[1] ?? (child.exitCode === null ? '' : said),
    text => text !== '',
  )
  return { child, url: found, ended }
}

interface Called {
  status: number
  /** Since the process was started. */
  atMs: number
}

interface Call {
  agent: Agent
  path: string
  body?: string
  /** Of the body: called once the server has the head of the request; the rest waits for what it gives. */
  halfway?: () => Promise<unknown>
}

function call(url: string, { agent, path, body, halfway }: Call): Promise<Called> {
  const { promise, resolve, reject } = Promise.withResolvers<Called>()
  const headers = {
    'x-api-key': apiKey,
    ...(body && { 'content-type': 'application/json', 'content-length': body.length }),
    ...(halfway && { expect: '100-continue' }),
  }
  const req = request(url + path, { method: body ? 'POST' : 'GET', agent, headers }, answer => {
    answer.resume().once('error', reject)
    answer.once('end', () => resolve({ status: answer.statusCode!, atMs: performance.now() }))
  })
  req.once('error', reject)
  if (!halfway) req.end(body)
  else {
    req.flushHeaders()
    req.once('continue', () => {
      req.write(body!.slice(0, 5))
      void halfway().then(() => req.end(body!.slice(5)))
    })
  }
  return promise
}

/** Calls on one connection, kept open, until nobody listens any more. */
async function client(url: string, id: string): Promise<{ answered: Called[]; failed: string[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const answered: Called[] = []
  const failed: string[] = []
  for (let i = 0; i < 5000; i++) {
    const body = i % 10 === 9 ? JSON.stringify({ name: `${id} ${i}` }) : undefined
    try {
      const got = await call(url, { agent, path: '/v1/instances?limit=1', body: undefined })
      answered.push(got)
      if (got.status !== 200) failed.push(String(got.status))
      if (body) answered.push(await call(url, { agent, path: '/v1/instances', body }))
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      if (code !== 'ECONNREFUSED') failed.push(`${code ?? ''} ${message}`)
      break
    }
  }
  agent.destroy()
  return { answered, failed }
}

/** Asks whether it is ready, as a load balancer does. */
async function readiness(url: string): Promise<Called[]> {
  const seen: Called[] = []
  for (let i = 0; i < 2000; i++) {
    try {
      seen.push(await call(url, { agent: new Agent({ keepAlive: false }), path: '/readyz' }))
    } catch {
      return seen
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return seen
}

/** A few are enough each time; 50 are the long form. */
const ROUNDS = Number(process.env.SIGTERM_ROUNDS ?? 10)

it('SIGTERM to `npm start` ends the server in peace, too', async () => {
  // Without what comes before it, the installation.
  const { child, url, ended } = await start('development', ['npm', '--ignore-scripts', 'start'])
  child.kill('SIGTERM')
  await ended
  const answers = () =>
    fetch(`${url}/healthz`).then(
      () => true,
      () => false,
    )
  await until(answers, isThere => !isThere)
})

describe('SIGTERM under load', () => {
  it(
    `in ${ROUNDS} rounds: no request in flight fails, not ready is said first, and the process ends with 0 within 10 seconds`,
    async () => {
      for (let round = 0; round < ROUNDS; round++) {
        const nodeEnv = round % 2 === 0 ? 'production' : 'development'
        const { child, url, ended } = await start(nodeEnv)
        expect(url).toMatch(/^http/)
        const clients = Array.from({ length: 8 }, (_, i) => client(url, `${round}.${i}`))
        const balancer = readiness(url)
        await new Promise(resolve => setTimeout(resolve, 200 + round * 13))
        const taken = Promise.withResolvers<void>()
        const halfway = () => {
          taken.resolve()
          return new Promise(resolve => setTimeout(resolve, 350))
        }
        const body = JSON.stringify({ name: `slow ${round} ${randomUUID()}` })
        const slow = call(url, { agent: new Agent(), path: '/v1/instances', body, halfway })
        await taken.promise
        const termMs = performance.now()
        child.kill('SIGTERM')
        expect(await ended).toBe(0)
        expect(performance.now() - termMs).toBeLessThan(10_000)
        const results = await Promise.all(clients)
        expect([round, results.flatMap(each => each.failed)]).toEqual([round, []])
        const answered = results.flatMap(each => each.answered)
        expect(answered.length).toBeGreaterThan(0)
        expect((await slow).status).toBe(201)
        if (nodeEnv === 'production') {
          const notReady = (await balancer).find(each => each.status === 503)
          expect(notReady).toBeDefined()
          const served = answered.filter(each => each.atMs > notReady!.atMs + 300)
          expect(served.length).toBeGreaterThan(0)
        }
      }
    },
    ROUNDS * 18_000,
  )
})
