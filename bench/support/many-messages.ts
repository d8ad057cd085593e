/**
 * A database with so many messages, made once and kept (`bench-data.ts`). A fifth of
 * them is in one chat, the others in a thousand, all mixed as time mixes them.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchData } from './bench-data.ts'
import { type Api, openApi, openPostgres, type Postgres } from './beside.ts'

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
  const dir = benchData(`messages-${count}`)
  const file = join(dir, 'made.json')
  const postgres = await openPostgres(dir)
  const api = await openApi(postgres.url)
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(await fill({ postgres, api }, count)))
  return { postgres, api, ...JSON.parse(readFileSync(file, 'utf8')) }
}

async function fill({ postgres, api }: Pick<ManyMessages, 'postgres' | 'api'>, count: number) {
  const pool = await postgres.pool.connect()
  await pool.query('set statement_timeout = 0')
  // No row is lost by it that the next run would not make again.
  await pool.query('set synchronous_commit = off')
  // What an earlier try, cut off, has left.
  await pool.query('delete from tenant')
  const { apiKey, tenantId } = await api.ask({ tenant: 'many' })
  const instanceId = 'inst_00000000000000000000000000'
  await pool.query(`insert into instance (id, tenant_id, name, sandbox) values ($1, $2, 'bot', false)`, [
    instanceId,
    tenantId,
  ])
  await pool.query(
    `insert into chat (id, tenant_id, instance_id, phone)
       select 'chat_' || n, $1, $2, 5511900000000 + n || '@s.whatsapp.net' from generate_series(0, $3::int) as n`,
    [tenantId, instanceId, CHATS],
  )
  for (let done = 0; done < count; done += PIECE) {
    await pool.query(
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
  await pool.query('vacuum analyze')
  process.stdout.write('\n')
  pool.release(true)
  return { apiKey, instanceId }
}
