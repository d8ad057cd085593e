/**
 * A database with so many messages, made once and kept (`bench-data.ts`). A fifth of
 * them is in one chat, the others in a thousand, all mixed as time mixes them.
 */
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { systemClock } from '../../src/clock.ts'
import { openDatabase } from '../../src/db/open.ts'
import { createTenant } from '../../src/resolvers/auth/createTenant.ts'
import { benchData } from './bench-data.ts'
import { type Api, openApi, openPostgres, type Postgres } from './beside.ts'
import { inBulk } from './bulk.ts'

export interface ManyMessages {
  postgres: Postgres
  api: Api
  apiKey: string
  instanceId: string
}

export const CHAT = '5511900000000'
const PIECE = 50_000
const CHATS = 1000

export async function openManyMessages(count: number): Promise<ManyMessages> {
  const name = `messages-${count}`
  const file = join(benchData(name), 'made.json')
  // What an earlier try, cut off, has left.
  if (!existsSync(file)) rmSync(benchData(name), { recursive: true, force: true })
  const postgres = await openPostgres(benchData(name))
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(await fill(postgres.url, count)))
  return { postgres, api: await openApi(postgres.url), ...JSON.parse(readFileSync(file, 'utf8')) }
}

/** Before there is a server, whose jobs would look for what is due without the indexes. */
async function fill(databaseUrl: string, count: number) {
  const db = await openDatabase({ databaseUrl, dataDir: '', log: pino({ level: 'silent' }) })
  const { apiKey, tenantId } = await createTenant(
    { db, clock: systemClock },
    { name: 'many', email: 'many@example.com' },
  )
  const instanceId = 'inst_00000000000000000000000000'
  await db.sql.query(`insert into instance (id, tenant_id, name, sandbox) values ($1, $2, 'bot', false)`, [
    instanceId,
    tenantId,
  ])
  await db.sql.query(
    `insert into chat (id, tenant_id, instance_id, phone)
       select 'chat_' || n, $1, $2, 5511900000000 + n || '@s.whatsapp.net' from generate_series(0, $3::int) as n`,
    [tenantId, instanceId, CHATS],
  )
  await inBulk(db.pool, ['message'], async run => {
    for (let done = 0; done < count; done += PIECE) {
      await run(
        `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content,
           timestamp, created_at)
         select 'msg_' || lpad(n::text, 26, '0'), $1, $2, n::text,
           case when n % 5 = 0 then 'chat_0' else 'chat_' || 1 + n * 7919 % $5 end, 'x',
           case when n % 2 = 0 then 'inbound' else 'outbound' end, 'text', 'read',
           jsonb_build_object('text', 'What somebody says in message ' || n), at, at
         from generate_series($3::bigint, $4::bigint) as n, lateral (select now() - ($6 - n) * interval '1 s' as at) as made`,
        [tenantId, instanceId, done + 1, Math.min(count, done + PIECE), CHATS, count],
      )
      process.stdout.write(`\r${Math.min(count, done + PIECE)} of ${count} messages`)
    }
  })
  process.stdout.write('\n')
  await db.close()
  return { apiKey, instanceId }
}
