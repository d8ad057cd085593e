import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { takeLease } from '../../src/db/queries/leases.ts'
import { claimPending, instancesWithDue } from '../../src/db/queries/outbox.ts'
import type { Sql } from '../../src/db/sql.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { silent } from './processes.ts'

/** What waits for WhatsApp, found in a table whose statistics are of another time. */

const INSTANCES = 5
const WAITING = 2_000
const CHATS = 50
const TAKEN = 10
/** Rows of messages that may be read: far fewer than wait, and enough for a planner that looks where indexes end. */
const READ_MAX = 500
const OWNER = 'node'

let own: TestDatabase
let database: Database
let epoch: number
beforeAll(async () => {
  own = await testDatabase()
  database = await openDatabase({ databaseUrl: own.url, dataDir: '', log: silent })
  const { sql } = database
  await sql.query("insert into tenant (id, name, email) values ('ten', 'Acme', 'dev@acme.com')")
  await sql.query('alter table message set (autovacuum_enabled = false)')
  for (let n = 1; n <= INSTANCES; n++) {
    await sql.query(
      `insert into instance (id, tenant_id, name, sandbox, state) values ($1, 'ten', $1, true, 'connected')`,
      [`inst_${n}`],
    )
    epoch = (await takeLease(sql, { instanceId: `inst_${n}`, owner: OWNER })) as number
  }
  await sql.query(
    `insert into chat (id, tenant_id, instance_id, phone)
     select 'chat_' || i || '_' || n, 'ten', 'inst_' || i, n || '@s.whatsapp.net'
     from generate_series(1, $1::int) as i, generate_series(0, $2::int - 1) as n`,
    [INSTANCES, CHATS],
  )
})
afterAll(async () => {
  await database.close()
  await own.drop()
})

/** As many of each instance, in turns. */
const fill = (status: string, from = 0): Promise<unknown[]> =>
  database.sql.query(
    `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, timestamp,
       created_at, next_attempt_at, expires_at)
     select 'msg_' || lpad(n::text, 8, '0') || '_' || i, 'ten', 'inst_' || i, n, 'chat_' || i || '_' || n % $3, 'x', 'outbound', 'text', $4, '{}',
       now(), now(), now() + interval '1 s' * ((n - $5) / $3), now() + interval '1 day'
     from generate_series($5::int, $5::int + $2::int - 1) as n, generate_series(1, $1::int) as i`,
    [INSTANCES, WAITING, CHATS, status, from],
  )
const empty = () => database.sql.query('truncate message cascade')
const lookAtAll = () => database.sql.query('analyze message, chat, instance, instance_lease')

/** How many messages it reads, and what it answers. Nothing of it stays. */
async function read<T>(ask: (sql: Sql) => Promise<T>): Promise<{ read: number; answer: T }> {
  const undone = new Error('undone')
  let found: { read: number; answer: T }
  const tried = database.transaction(async sql => {
    const answer = await ask(sql)
    const [row] = await sql.query<{ read: number }>(
      `select (seq_tup_read + idx_tup_fetch)::int as read from pg_stat_xact_user_tables where relname = 'message'`,
    )
    found = { read: row!.read, answer }
    throw undone
  })
  await expect(tried).rejects.toBe(undone)
  return found!
}
const later = (ms: number) => new Date(Date.now() + ms)
const claim = (sql: Sql) =>
  claimPending(sql, {
    instanceId: 'inst_1',
    now: later(WAITING * 1_000),
    leaseUntil: later(WAITING * 2_000),
    inFlight: [],
    limit: TAKEN,
    epoch,
    step: 'x'.repeat(36),
  })
const look = (sql: Sql) => instancesWithDue(sql, { owner: OWNER, now: later(WAITING * 1_000), after: '', limit: 100 })

describe('what is due is found without reading all that waits', () => {
  const expectFound = async (from = 0) => {
    const claimed = await read(claim)
    expect(claimed.answer.map(({ id }) => id)).toEqual(
      Array.from({ length: TAKEN }, (_, n) => `msg_${String(from + n).padStart(8, '0')}_1`),
    )
    expect(claimed.read).toBeLessThan(READ_MAX)
    const looked = await read(look)
    expect(looked.answer).toHaveLength(INSTANCES)
    expect(looked.read).toBeLessThan(READ_MAX)
  }

  it('by a server that knows nothing of the table', async () => {
    await fill('pending')
    await expectFound()
  })

  it('by one that knows the table', async () => {
    await lookAtAll()
    await expectFound()
  })

  it('by one that last looked when nothing waited', async () => {
    await empty()
    await fill('sent')
    await lookAtAll()
    await fill('pending', WAITING)
    await expectFound(WAITING)
  })

  it('by one that last looked before there was a message', async () => {
    await empty()
    await lookAtAll()
    await fill('pending')
    await expectFound()
  })
})
