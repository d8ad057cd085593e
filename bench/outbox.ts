/**
 * Claims of what waits to be sent, with ROWS (100,000) waiting: `npm run bench -- outbox`. All of them on one instance; on
 * 100 instances of two tenants; on one, where the oldest chat holds a tenth of them back. What is claimed is written down as
 * sent, as by the dispatcher, so that the index has what it has in life.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Database, openDatabase } from '../src/db/open.ts'
import { claimPending, instancesWithDue } from '../src/db/queries/outbox.ts'
import { CLAIM_MAX } from '../src/resolvers/messages/dispatchPending.ts'
import { given, quantile } from './support/measure.ts'

const ROWS = given('ROWS', 100_000)
const CLAIMS = given('CLAIMS', 500)
const CHATS = 100
const PIECE = 10_000
const GOAL_MS = 10
const OWNER = 'bench'

async function fill(db: Database, { instances, held }: { instances: number; held: boolean }): Promise<string[]> {
  const { sql } = db
  await sql.query('truncate tenant cascade')
  await sql.query(
    `insert into tenant (id, name, email, status, plan) select 'ten_' || n, 'T', n || '@x', 'active', 'free' from generate_series(0, 1) as n`,
  )
  await sql.query(
    `insert into instance (id, tenant_id, name, sandbox, state) select 'inst_' || lpad(n::text, 4, '0'), 'ten_' || n % 2, n::text, true, 'connected'
     from generate_series(0, $1::int - 1) as n`,
    [instances],
  )
  await sql.query(
    `insert into instance_lease (instance_id, owner, epoch, expires_at) select id, $1, 1, now() + interval '1 day' from instance`,
    [OWNER],
  )
  await sql.query(
    `insert into chat (id, tenant_id, instance_id, phone) select id || '-' || n, tenant_id, id, n || '@s.whatsapp.net'
     from instance, generate_series(0, $1::int - 1) as n`,
    [CHATS],
  )
  for (let done = 0; done < ROWS; done += PIECE) {
    await sql.query(
      `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, payload, timestamp,
       created_at, next_attempt_at, expires_at)
     select 'msg_' || lpad(n::text, 10, '0'), tenant_id, instance.id, n::text, instance.id || '-' || case
         when $3 and n < $1::int / 10 then 0 else 1 + (n / $2::int) % ($4::int - 1) end, 'x', 'outbound', 'text', 'pending', '{"text":"words"}',
       decode(repeat('ab', 200), 'hex'), now(), now(),
       case when $3 and n < $1::int / 10 then now() + interval '1 hour' else now() end, now() + interval '1 day'
     from generate_series($5::int, $6::int) as n join instance on instance.name = (n % $2::int)::text`,
      [ROWS, instances, held, CHATS, done, Math.min(ROWS, done + PIECE) - 1],
    )
  }
  await sql.query('vacuum analyze')
  return (await sql.query<{ id: string }>('select id from instance order by id')).map(({ id }) => id)
}

async function measure(db: Database, ids: string[]) {
  const { sql } = db
  const [claims, looks]: [number[], number[]] = [[], []]
  for (let n = 0; n < CLAIMS; n++) {
    const instanceId = ids[n % ids.length]!
    const now = new Date()
    const of = {
      instanceId,
      now,
      leaseUntil: new Date(now.getTime() + 30_000),
      inFlight: [],
      limit: CLAIM_MAX,
      epoch: 1,
      step: '',
    }
    const startMs = performance.now()
    const claimed = await claimPending(sql, of)
    claims.push(performance.now() - startMs)
    const sent = claimed.map(({ id }) => id)
    await sql.query(`update message set status = 'sent', payload = null where instance_id = $1 and id = any($2)`, [
      instanceId,
      sent,
    ])
    if (n % 10 > 0) continue
    const lookMs = performance.now()
    await instancesWithDue(sql, { owner: OWNER, now, after: '', limit: 1000 })
    looks.push(performance.now() - lookMs)
  }
  return { claims: claims.slice(5), looks: looks.slice(1) }
}

const dir = mkdtempSync(join(tmpdir(), 'wataki-bench-'))
chmodSync(dir, 0o755)
const db = await openDatabase({ dataDir: dir, log: { debug() {}, info() {}, warn() {} } })
try {
  const table: Record<string, object> = {}
  for (const [what, of] of Object.entries({
    'one instance': { instances: 1, held: false },
    '100 instances': { instances: 100, held: false },
    'one, its oldest chat held': { instances: 1, held: true },
  })) {
    const { claims, looks } = await measure(db, await fill(db, of))
    const ms = (values: number[], share: number) => quantile(values, share).toFixed(2)
    table[what] = {
      waiting: ROWS,
      'claim p50 ms': ms(claims, 0.5),
      'claim p99 ms': ms(claims, 0.99),
      [`≤ ${GOAL_MS}`]: quantile(claims, 0.99) <= GOAL_MS ? 'yes' : 'no',
      'due p50 ms': ms(looks, 0.5),
      'due p99 ms': ms(looks, 0.99),
    }
  }
  console.table(table)
} finally {
  await db.close()
  rmSync(dir, { recursive: true, force: true })
}
