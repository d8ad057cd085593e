/**
 * What the six answers of observability cost, with few messages and with many: `npm run bench -- observability`.
 * Two databases with a tenant each are filled, over the same hours, with FEW and MANY messages: their rows, their events,
 * deliveries and what is counted of them, the last ones by the clock. Then both are asked the same, in turn, over HTTP.
 * FEW, MANY, DAYS, INSTANCES and ASKED are environment variables; of MANY = 10000000 filling takes a quarter of an hour, and 20 GB on disk.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { openApp, type Running } from '../src/app.ts'
import { systemClock } from '../src/clock.ts'
import { readConfig } from '../src/config.ts'
import { type Database, openDatabase } from '../src/db/open.ts'
import type { Sql } from '../src/db/sql.ts'
import { createTenant } from '../src/resolvers/auth/createTenant.ts'
import { rollUpMessagesDue } from '../src/resolvers/observability/rollUpMessagesDue.ts'
import { inBulk } from './support/bulk.ts'
import { given, median } from './support/measure.ts'
import { type Row, report } from './support/results.ts'

const FEW = given('FEW', 10_000)
const MANY = given('MANY', 10_000_000)
const DAYS = given('DAYS', 30)
const INSTANCES = given('INSTANCES', 5)
const ASKED = given('ASKED', 200)
const PIECE = 100_000
const GOAL = 1.2
const silent = pino({ level: 'silent' })

/** One piece of messages: each with its row, three events and a delivery, spread over the days up to now. */
const FILL = [
  `create temporary table made as
     select n, instance.id as instance_id, instance.tenant_id, now() - random() * $1 * interval '1 day' as at
     from generate_series($2::int, $3::int) as n join instance on instance.name = 'bot ' || n % $4`,
  `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, timestamp, created_at)
     select 'msg_' || lpad(n::text, 26, '0'), tenant_id, instance_id, n::text, instance_id, 'x', 'outbound', 'text', 'read',
       '{"text":"words"}', at, at from made`,
  `insert into event (id, tenant_id, instance_id, type, data, created_at, about, seq, kept_until)
     select 'evt_' || lpad((n * 3::bigint + k)::text, 26, '0'), tenant_id, instance_id, 'message.status',
       jsonb_build_object('status', (array['sent', 'delivered', 'read'])[k]), at, 'msg_' || lpad(n::text, 26, '0'),
       (n - 1) * 3::bigint + k, now() + interval '7 days' from made, generate_series(1, 3) as k`,
  `insert into webhook_delivery (id, tenant_id, instance_id, webhook_id, event_id, event, seq, chat, status, attempts,
       created_at, finished_at, next_attempt_at)
     select 'del_' || lpad(n::text, 27, '0'), tenant_id, instance_id, 'whk_' || instance_id, 'x', 'message.status', n, 'x',
       case when n % 1000 = 0 then 'failed' else 'delivered' end, 1, at, at, null from made`,
  `insert into webhook_rollup as kept (tenant_id, instance_id, webhook_id, hour, delivered, failed)
     select tenant_id, instance_id, 'whk_' || instance_id, date_trunc('hour', at, 'UTC'),
       count(*) filter (where n % 1000 <> 0), count(*) filter (where n % 1000 = 0) from made group by 1, 2, 3, 4
     on conflict (webhook_id, hour) do update set delivered = kept.delivered + excluded.delivered,
       failed = kept.failed + excluded.failed`,
  `insert into api_rollup as kept (tenant_id, grain, hour, method, route, requests, t5)
     select tenant_id, grain, hour, method, route, count(*), count(*) from made cross join lateral (values
       ('hour', date_trunc('hour', at, 'UTC'), '', ''),
       ('route_hour', date_trunc('hour', at, 'UTC'), 'POST', '/v1/route/' || n % 20),
       ('route_day', date_trunc('day', at, 'UTC'), 'POST', '/v1/route/' || n % 20)) as g (grain, hour, method, route)
     group by 1, 2, 3, 4, 5
     on conflict (tenant_id, grain, hour, method, route) do update set requests = kept.requests + excluded.requests, t5 = kept.t5 + excluded.t5`,
]

/** Counted as the clock would have; of the last ones it is left to the clock. */
const COUNTED = [
  `insert into message_rollup (tenant_id, instance_id, hour, sent, delivered, read)
     select tenant_id, instance_id, date_trunc('hour', at, 'UTC'), count(*), count(*), count(*) from made where n <= $1
     group by 1, 2, 3
   on conflict (instance_id, hour) do update set sent = message_rollup.sent + excluded.sent,
     delivered = message_rollup.delivered + excluded.delivered, read = message_rollup.read + excluded.read`,
  `insert into rollup_mark (instance_id, seq) select instance_id, max(n) * 3 from made where n <= $1 group by 1
   on conflict (instance_id) do update set seq = excluded.seq`,
  `insert into event_counter (instance_id, last_seq) select instance_id, max(n) * 3 from made group by 1
   on conflict (instance_id) do update set last_seq = excluded.last_seq`,
]
const LEFT_TO_THE_CLOCK = 5_000
const FILLED = ['message', 'event', 'webhook_delivery']

async function fill(db: Database, { tenantId, messages }: { tenantId: string; messages: number }) {
  await db.sql.query(
    `with made as (insert into instance (id, tenant_id, name, sandbox)
         select 'inst_' || lpad(n::text, 26, '0'), $1, 'bot ' || n, false from generate_series(0, $2::int - 1) as n returning id),
       chat as (insert into chat (id, tenant_id, instance_id, phone) select id, $1, id, id from made)
     insert into webhook (id, tenant_id, instance_id, url, events, secret)
     select 'whk_' || id, $1, id, 'http://x', '{message.status}', '' from made`,
    [tenantId, INSTANCES],
  )
  await inBulk(db.pool, FILLED, async run => {
    for (let done = 0; done < messages; done += PIECE) {
      const last = Math.min(messages, done + PIECE)
      await run(FILL[0]!, [DAYS, done + 1, last, INSTANCES])
      for (const text of FILL.slice(1)) await run(text)
      for (const [i, text] of COUNTED.entries()) await run(text, i < 2 ? [messages - LEFT_TO_THE_CLOCK] : undefined)
      await run('drop table made')
      process.stdout.write(`\r${messages} messages: ${last} written`)
    }
  })
  console.log(`\r${messages} messages: written`)
}

async function isBehind(sql: Sql): Promise<boolean> {
  const [row] = await sql.query<{ behind: boolean }>(
    `select exists (select from event_counter c left join rollup_mark m on m.instance_id = c.instance_id
       where c.last_seq > coalesce(m.seq, 0)) as behind`,
  )
  return row!.behind
}

const HOURS = '&bucket=hour'
const QUESTIONS: Record<string, string> = {
  overview: '/overview?x',
  messages: `/messages?x${HOURS}`,
  webhooks: `/webhooks?x${HOURS}`,
  'api-usage': `/api-usage?x${HOURS}`,
  instances: '/instances?x',
  errors: '/errors?x',
}

interface Place {
  running: Running
  apiKey: string
  end(): Promise<void>
}

async function open(messages: number): Promise<Place> {
  const dir = mkdtempSync(join(tmpdir(), 'wataki-bench-'))
  chmodSync(dir, 0o755)
  // Before there is a server, whose jobs would look for what is due without the indexes.
  const db = await openDatabase({ dataDir: dir, log: silent })
  const { tenantId, apiKey } = await createTenant(
    { db, clock: systemClock },
    { name: 'Bench', email: 'bench@example.com' },
  )
  await fill(db, { tenantId, messages })
  await db.close()
  const settings = { NODE_ENV: 'test', PORT: '0', SANDBOX: 'off', DATA_DIR: dir, RATE_LIMIT_PER_MINUTE: '100000000' }
  const running = await openApp(readConfig(settings), silent)
  while (await isBehind(running.app.db.sql)) await rollUpMessagesDue(running.app)
  return {
    running,
    apiKey,
    async end() {
      await running.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function ask({ running, apiKey }: Place, path: string): Promise<number> {
  const startedMs = performance.now()
  const response = await fetch(`${running.url}/v1/observability${path}`, { headers: { 'x-api-key': apiKey } })
  const text = await response.text()
  if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`)
  return performance.now() - startedMs
}

const places = [await open(FEW), await open(MANY)] as const
try {
  const since = new Date(Date.now() - Math.min(DAYS, 16) * 86_400_000).toISOString()
  const rows: Row[] = []
  for (const [name, question] of Object.entries(QUESTIONS)) {
    const path = question.replace('x', `since=${since}`)
    const took: [number[], number[]] = [[], []]
    // In turn, so that both have the same neighbours on the machine.
    for (let n = 0; n < ASKED; n++) for (const i of [0, 1] as const) took[i].push(await ask(places[i], path))
    const [few, many] = took.map(all => median(all.slice(ASKED / 10))) as [number, number]
    rows.push({
      what: name,
      [`${FEW} messages ms`]: Number(few.toFixed(2)),
      [`${MANY} messages ms`]: Number(many.toFixed(2)),
      times: Number((many / few).toFixed(2)),
      goal: `≤ ${GOAL} ×`,
      met: many / few <= GOAL ? 'yes' : 'no',
    })
  }
  report('observability', rows)
} finally {
  for (const place of places) await place.end()
}
