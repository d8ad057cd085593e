import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { chatsOfInstances, listChats, listGroups } from '../../src/db/queries/chat-lists.ts'
import { listContacts } from '../../src/db/queries/contacts.ts'
import { messagesOfChats } from '../../src/db/queries/message-batches.ts'
import { listMessages } from '../../src/db/queries/messages.ts'
import type { Sql } from '../../src/db/sql.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { silent } from './processes.ts'

/** A page costs the same wherever it lies, also with the plan that a connection keeps once a statement was run often. */

const ROWS = 4000
let own: TestDatabase
let db: Database

beforeAll(async () => {
  own = await testDatabase()
  db = await openDatabase({ databaseUrl: own.url, dataDir: '', log: silent })
  const each = `from generate_series(1, ${ROWS}) as n`
  await db.pool.query(`
    insert into tenant (id, name, email) values ('ten', 'Acme', 'dev@acme.com');
    insert into instance (id, tenant_id, name, sandbox) values ('inst', 'ten', 'bot', true);
    insert into chat (id, tenant_id, instance_id, group_jid)
      select 'chat_' || lpad(n::text, 6, '0'), 'ten', 'inst', n || '@g.us' ${each};
    insert into chat_group (chat, tenant_id, instance_id, subject)
      select 'chat_' || lpad(n::text, 6, '0'), 'ten', 'inst', 'g' ${each};
    insert into contact (id, tenant_id, instance_id, phone, name)
      select 'con_' || lpad(n::text, 6, '0'), 'ten', 'inst', n || '@s.whatsapp.net', 'c' ${each};
    insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, timestamp)
      select 'msg_' || lpad(n::text, 6, '0'), 'ten', 'inst', n::text, 'chat_000001', 's', 'inbound', 'text', 'delivered',
        '{}', now() ${each};
    analyze`)
})
afterAll(async () => {
  await db?.close()
  await own?.drop()
})

interface Plan {
  'Rows Removed by Filter'?: number
  Plans?: Plan[]
}

/** How many rows the kept plan of what `run` asks reads for nothing. */
async function wasted(run: (sql: Sql) => Promise<unknown>): Promise<number> {
  const client = await db.pool.connect()
  try {
    await client.query('set plan_cache_mode = force_generic_plan')
    const sql: Sql = {
      async query(text, params = []) {
        await client.query(`prepare page as ${text}`)
        const values = params.map(value =>
          client.escapeLiteral(Array.isArray(value) ? `{${value.join(',')}}` : String(value)),
        )
        const { rows } = await client.query(`explain (analyze, format json) execute page (${values.join(', ')})`)
        return rows
      },
    }
    const [row] = (await run(sql)) as { 'QUERY PLAN': { Plan: Plan }[] }[]
    const removed = (plan: Plan): number =>
      (plan['Rows Removed by Filter'] ?? 0) + (plan.Plans ?? []).reduce((sum, each) => sum + removed(each), 0)
    return removed(row!['QUERY PLAN'][0]!.Plan)
  } finally {
    client.release(true)
  }
}

const of = { tenantId: 'ten', instanceId: 'inst', limit: 51 }
const lists: Record<string, (sql: Sql) => Promise<unknown>> = {
  messages: sql => listMessages(sql, { ...of, chat: 'chat_000001', after: 'msg_000100' }),
  'messages of chats': sql => messagesOfChats(sql, { ...of, chats: ['chat_000001'], after: 'msg_000100' }),
  chats: sql => listChats(sql, { ...of, after: 'chat_000100' }),
  'chats of instances': sql => chatsOfInstances(sql, { ...of, instanceIds: ['inst'], after: 'chat_000100' }),
  groups: sql => listGroups(sql, { ...of, after: 'chat_000100' }),
  contacts: sql => listContacts(sql, { ...of, after: 'con_000100' }),
}
for (const [name, list] of Object.entries(lists)) {
  it(`the last page of ${name} reads no row of the pages before`, async () => {
    expect(await wasted(list)).toBeLessThan(100)
  })
}
