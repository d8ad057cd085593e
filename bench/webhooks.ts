/**
 * What delivering to webhooks costs, on loopback with the embedded database: `npm run bench -- webhooks`.
 * 1. Deliveries per second of a backlog, beside a loop of bare POSTs of the same bodies to the same receiver.
 * 2. From the commit of an event to the receiver, with nothing else to do and beside a backlog.
 * 3. One claim, and the search for what is due, with 100,000 deliveries waiting.
 * 4. What recording an event costs with webhooks to tell.
 * Server, receiver and bare loop are processes of their own.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { Pool } from 'undici'
import { openApp } from '../src/app.ts'
import { systemClock } from '../src/clock.ts'
import { readConfig } from '../src/config.ts'
import { type Database, openDatabase } from '../src/db/open.ts'
import { claimWebhook, webhooksWithDue } from '../src/db/queries/webhook-outbox.ts'
import { secretPlace } from '../src/db/queries/webhooks.ts'
import { record } from '../src/events/record.ts'
import { newId } from '../src/ids.ts'
import { createSecrets } from '../src/secrets.ts'
import { openPostgres } from './support/beside.ts'
import { median, quantile } from './support/measure.ts'
import { report } from './support/results.ts'

const ROUNDS = 5
const GOAL = 0.5
const WEBHOOKS = 8
const EACH = 500
const WIDTH = 10
const SECRET_KEY = 'the key of the bench, which is long enough'
const silent = pino({ level: 'silent' })
const nowMs = () => performance.timeOrigin + performance.now()

const ROLES: Record<string, () => Promise<void>> = { server: serverMain, receiver: receiverMain, bare: bareMain }
// biome-ignore lint/suspicious/noExplicitAny: what the processes tell each other is theirs
type Json = any

interface Child {
  ask(what: Json): Promise<Json>
  end(): Promise<void>
}

async function start(role: string, given: Record<string, string> = {}): Promise<Child> {
  const child: ChildProcess = fork(fileURLToPath(import.meta.url), [role], {
    execArgv: role === 'server' ? (process.env.SERVER_FLAGS?.split(' ') ?? []) : [],
    env: { ...process.env, ...given },
  })
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${role} ended`)))
  ended.catch(() => {})
  const ask = async (what: Json) => {
    const answer = once(child, 'message')
    child.send(what)
    return (await Promise.race([answer, ended]))[0]
  }
  await once(child, 'message')
  return {
    ask,
    async end() {
      const exit = once(child, 'exit')
      child.kill('SIGTERM')
      await exit
    },
  }
}

/** Answers each message of the parent. */
function serve(answer: (what: Json) => Promise<Json>): void {
  process.on('message', what => void answer(what).then(told => process.send!(told ?? null)))
  process.on('disconnect', () => process.exit(0))
  process.on('SIGTERM', () => process.exit(0))
  process.send!('ready')
}

/** Takes everything; tells how many came, when the first and the last did, and of which events when. */
async function receiverMain(): Promise<void> {
  let [count, firstMs, lastMs] = [0, 0, 0]
  const at = new Map<string, number>()
  const server = createServer((request, response) => {
    request.resume().once('end', () => {
      lastMs = nowMs()
      count++
      if (count === 1) firstMs = lastMs
      if (request.url === '/watched') at.set(String(request.headers['webhook-id']), lastMs)
      response.writeHead(200).end()
    })
  })
  server.keepAliveTimeout = 60_000
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  serve(async what => {
    if (what.reset) count = 0
    return { port: (server.address() as AddressInfo).port, count, firstMs, lastMs, at: what.times ? [...at] : [] }
  })
}

/** Posts as often as it is told, `atOnce` at a time, and nothing else. */
async function bareMain(): Promise<void> {
  serve(async ({ origin, body, count, atOnce }) => {
    const pool = new Pool(origin, { connections: atOnce })
    let left = count
    const one = async () => {
      while (left-- > 0) {
        const headers = { 'content-type': 'application/json' }
        const answer = await pool.request({ path: '/bare', method: 'POST', headers, body })
        await answer.body.dump()
      }
    }
    await Promise.all(Array.from({ length: atOnce }, one))
    await pool.close()
  })
}

/** The real app; records events when it is told to, and answers when each was committed. */
async function serverMain(): Promise<void> {
  const { app } = await openApp(readConfig(process.env), silent)
  serve(async ({ tenantId, instanceId, count, everyMs }) => {
    const times: [string, number][] = []
    for (let i = 0; i < count; i++) {
      const event = await app.db.transaction(sql => record(sql, app.clock, fact({ tenantId, instanceId }, i)))
      times.push([event.id, nowMs()])
      app.bus.publish(event)
      await sleep(everyMs)
    }
    return { times, rssMb: Math.round(process.memoryUsage().rss / 2 ** 20) }
  })
}

const dataOf = (i: number) => ({
  id: `msg_${String(i).padStart(26, '0')}`,
  chat_id: `55119${String(i % 100).padStart(8, '0')}@s.whatsapp.net`,
  direction: 'inbound',
  type: 'text',
  content: { text: `the words of message ${i}, which are as many as in messages`.repeat(3) },
  status: 'delivered',
  timestamp: '2026-01-02T03:04:05.678Z',
})

const fact = (of: { tenantId: string; instanceId: string }, i: number): Parameters<typeof record>[2] => ({
  ...of,
  type: 'message.received',
  about: `msg_${i}`,
  data: dataOf(i) as never,
  subject: { content: { type: 'text' } } as never,
})

const secrets = createSecrets(SECRET_KEY)

async function makeInstance({ sql }: Database, hooks: string[]): Promise<{ tenantId: string; instanceId: string }> {
  const [tenantId, instanceId] = [newId('ten'), newId('inst')]
  await sql.query(`insert into tenant (id, name, email) values ($1, 'Bench', $1 || '@example.com')`, [tenantId])
  await sql.query(`insert into instance (id, tenant_id, name, sandbox) values ($1, $2, 'bench', false)`, [
    instanceId,
    tenantId,
  ])
  for (const url of hooks) {
    const id = newId('whk')
    const secret = secrets.seal(Buffer.from('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'), secretPlace(id))
    await sql.query(
      `insert into webhook (id, tenant_id, instance_id, url, events, secret) values ($1, $2, $3, $4, '{message.received}', $5)`,
      [id, tenantId, instanceId, url, secret],
    )
  }
  return { tenantId, instanceId }
}

/** So many events of each instance that has active webhooks, in `chats` chats, each on its way to each of these. */
async function queue({ sql }: Database, { count, chats }: { count: number; chats: number }): Promise<void> {
  await sql.query(
    `with place as (
         select instance.id, instance.tenant_id, coalesce(max(seq), 0) as last from instance
           left join event on event.instance_id = instance.id
         where exists (select from webhook where webhook.instance_id = instance.id and active) group by instance.id),
       made as (
         insert into event (id, tenant_id, instance_id, type, data, created_at, about, seq, kept_until)
         select 'evt_' || substr(md5(random()::text || n), 1, 26), tenant_id, id, 'message.received', $2::jsonb, now(), 'x',
           last + n, now() + interval '1 day' from place, generate_series(1, $1::int) as n
         returning id, instance_id, tenant_id, seq)
     insert into webhook_delivery (id, tenant_id, instance_id, webhook_id, event_id, event, seq, chat)
     select 'del_' || substr(made.id, 5) || right(webhook.id, 4), made.tenant_id, made.instance_id, webhook.id, made.id,
       'message.received', seq, 'c' || seq % $3 from made join webhook on webhook.instance_id = made.instance_id`,
    [count, JSON.stringify(dataOf(1)), chats],
  )
}

const row = (what: string, ...cells: (string | number)[]) =>
  console.log(
    what.padEnd(58) + cells.map(cell => (typeof cell === 'number' ? cell.toFixed(2) : cell).padStart(11)).join(''),
  )

async function main(): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'wataki-bench-'))
  const engine = await openPostgres(dataDir)
  const urlOf = (name: string) => engine.url.replace(/postgres$/, name)
  const within = async (name: string, use: (database: Database, url: string) => Promise<void>) => {
    await engine.pool.query(`create database ${name}`)
    const database = await openDatabase({ databaseUrl: urlOf(name), dataDir, log: silent })
    try {
      await use(database, urlOf(name))
    } finally {
      await database.close()
    }
  }
  try {
    const only = process.env.ONLY ?? '1234'
    if (/[12]/.test(only)) await within('delivering', (database, url) => delivering(database, { url, dataDir }))
    if (only.includes('3'))
      for (const hooks of [10, 1_000]) await within(`claims_${hooks}`, database => claims(database, hooks))
    if (only.includes('4')) await within('records', records)
  } finally {
    await engine.end()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function delivering(database: Database, { url, dataDir }: { url: string; dataDir: string }): Promise<void> {
  const receiver = await start('receiver')
  const { port } = await receiver.ask({})
  const origin = `http://127.0.0.1:${port}`
  for (let i = 0; i < WEBHOOKS; i++) await makeInstance(database, [`${origin}/${i}`])
  const settings = { PORT: '0', SANDBOX: 'off', DATABASE_URL: url, DATA_DIR: dataDir, SECRET_KEY, LOG_LEVEL: 'silent' }
  const server = await start('server', {
    ...settings,
    WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32',
    WEBHOOK_RETRY_BASE_MS: '100',
  })
  const bare = await start('bare')
  try {
    if (!(process.env.ONLY ?? '1').includes('1')) return await latency(database, { server, receiver, origin })
    await rates(database, { receiver, bare, origin })
    await latency(database, { server, receiver, origin })
  } finally {
    await Promise.all([server, bare, receiver].map(each => each.end()))
  }
}

/** From the first to the last of a backlog, as the receiver saw them. */
async function rates(database: Database, of: { receiver: Child; bare: Child; origin: string }): Promise<void> {
  const { receiver, bare, origin } = of
  const count = WEBHOOKS * EACH
  const whole = async (least: number) => {
    for (;;) {
      const told = await receiver.ask({})
      if (told.count >= least) return ((told.count - 1) * 1000) / (told.lastMs - told.firstMs)
      await sleep(20)
    }
  }
  const bareRate = async () => {
    await receiver.ask({ reset: true })
    const data = JSON.stringify(dataOf(1))
    await bare.ask({ origin, body: data, count, atOnce: WEBHOOKS * WIDTH })
    return whole(count)
  }
  const backlog = async (chats: number) => {
    await receiver.ask({ reset: true })
    await queue(database, { count: EACH, chats })
    await whole(count)
    const ended = async () =>
      (await database.sql.query(`select 1 as one from webhook_delivery where status = 'pending' limit 1`)).length === 0
    while (!(await ended())) await sleep(20)
    return whole(count)
  }
  console.log(`\n1. ${WEBHOOKS} webhooks with ${EACH} deliveries each, medians of ${ROUNDS}\n`)
  const cases: [string, () => Promise<number>][] = [
    [`bare POSTs, ${WEBHOOKS * WIDTH} at once`, bareRate],
    ['deliveries, each in a chat of its own', () => backlog(EACH)],
    ['deliveries, in 5 chats', () => backlog(5)],
  ]
  const found = cases.map(() => [] as number[])
  await backlog(EACH)
  for (let round = 0; round < ROUNDS; round++) for (const [i, [, run]] of cases.entries()) found[i]!.push(await run())
  const goals = cases.map(([what], i) => {
    const times = median(found[i]!.map((rate, n) => rate / found[0]![n]!))
    const told = { what, 'POST/s': Math.round(median(found[i]!)), times: Number(times.toFixed(2)) }
    return i === 0 ? told : { ...told, goal: `≥ ${GOAL} ×`, met: times >= GOAL ? 'yes' : 'no' }
  })
  report('webhooks', goals)
}

async function latency(database: Database, of: { server: Child; receiver: Child; origin: string }): Promise<void> {
  const { server, receiver, origin } = of
  const watched = await makeInstance(database, [`${origin}/watched`])
  console.log('\n2. From the commit of an event to the receiver, ms\n')
  row('', 'p50', 'p99', 'most')
  const measure = async (what: string, count: number, everyMs: number) => {
    await receiver.ask({ reset: true })
    const { times } = await server.ask({ ...watched, count, everyMs })
    let at = new Map<string, number>()
    while (times.some(([id]: [string]) => !at.has(id))) {
      await sleep(50)
      at = new Map((await receiver.ask({ times: true })).at)
    }
    const tookMs = times.map(([id, ms]: [string, number]) => at.get(id)! - ms)
    row(what, quantile(tookMs, 0.5), quantile(tookMs, 0.99), quantile(tookMs, 1))
  }
  await measure('warming up', 50, 10)
  await measure('one every 50 ms, nothing else', 200, 50)
  await measure('one as soon as the last is committed', 500, 0)
  await database.sql.query(`update webhook set active = false where url like '%watched'`)
  await queue(database, { count: EACH * 6, chats: EACH })
  await database.sql.query('update webhook set active = true')
  await measure(`one every 50 ms, beside a backlog of ${WEBHOOKS * EACH * 6}`, 100, 50)
}

async function claims(database: Database, hooks: number): Promise<void> {
  const { sql } = database
  for (let i = 0; i < hooks / 10; i++) await makeInstance(database, Array(10).fill('http://127.0.0.1:9/'))
  // For each webhook a tenth of them, in as many events.
  await queue(database, { count: 100_000 / hooks, chats: 50 })
  await sql.query('vacuum analyze')
  const ids = (await sql.query<{ id: string }>('select id from webhook')).map(each => each.id)
  const [waiting] = await sql.query<{ count: string }>('select count(*) from webhook_delivery')
  console.log(`\n3. ${waiting!.count} deliveries waiting on ${hooks} webhooks, ms\n`)
  row('', 'p50', 'p99', 'most')
  const claimFor = (enoughMs: number) => (i: number) =>
    claimWebhook(sql, {
      webhookId: ids[i % ids.length]!,
      owner: 'bench',
      claimMs: 60_000,
      enoughMs,
      inHand: [],
      limit: WIDTH,
    })
  const claim = claimFor(60_000)
  const measure = async (what: string, count: number, work: (i: number) => Promise<unknown>) => {
    const tookMs: number[] = []
    for (let i = 0; i < count; i++) {
      const startMs = performance.now()
      await work(i)
      tookMs.push(performance.now() - startMs)
    }
    row(what, quantile(tookMs, 0.5), quantile(tookMs, 0.99), quantile(tookMs, 1))
  }
  const due = () => webhooksWithDue(sql, { owner: 'bench', after: '', limit: 1_000 })
  await measure('warming up', 50, claim)
  await measure('a claim', 500, claim)
  await measure('a claim of what is claimed for long enough', 500, claimFor(1_000))
  await measure('what is due', 50, due)
  // Delivered, and not vacuumed: their places in the index are still there.
  const client = await database.pool.connect()
  await client.query('begin isolation level repeatable read')
  await client.query('select 1 from webhook_delivery limit 1')
  await sql.query(
    `update webhook_delivery d set status = 'delivered', next_attempt_at = null from event
       where event.id = d.event_id and d.seq <= $1`,
    [(100_000 / hooks) * 0.8],
  )
  await measure('a claim, 80 % delivered and seen by an open transaction', 100, claim)
  await measure('what is due, so', 10, due)
  await client.query('rollback')
  client.release()
  await measure('a claim, the first after it', 1, claim)
  await measure('a claim, after it', 100, claim)
  await measure('what is due, the first after it', 1, due)
  await measure('what is due, after it', 20, due)
}

async function records(database: Database): Promise<void> {
  console.log('\n4. Recording an event, ms (transaction and commit included)\n')
  row('', 'p50', 'p99')
  const counts = [0, 1, 10]
  const found = counts.map(() => [] as number[])
  const instances = []
  for (const count of counts) instances.push(await makeInstance(database, Array(count).fill('http://127.0.0.1:9/')))
  for (let round = 0; round < 300; round++) {
    for (const [i, instance] of instances.entries()) {
      const startMs = performance.now()
      await database.transaction(sql => record(sql, systemClock, fact(instance, round)))
      if (round >= 20) found[i]!.push(performance.now() - startMs)
    }
  }
  for (const [i, count] of counts.entries()) row(`${count} webhooks`, median(found[i]!), quantile(found[i]!, 0.99))
}

await (ROLES[process.argv[2] ?? ''] ?? main)()
