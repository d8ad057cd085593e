/**
 * What the reads of the API are measured by: the same statements through `pg`, key check and limiter included, in routes of
 * Fastify that do nothing else. Neither log nor metrics, no other headers; answers are written by compiled schemas.
 */
import fastify from 'fastify'
import pg from 'pg'
import { findChat } from '../../src/db/queries/chats.ts'
import { findInstance } from '../../src/db/queries/instances.ts'
import { listMessages, type MessageRow } from '../../src/db/queries/messages.ts'
import { chargeCaller } from '../../src/db/queries/rate-buckets.ts'
import type { Sql } from '../../src/db/sql.ts'
import { sha256 } from '../../src/secrets.ts'
import { cpuUs, serve } from './child.ts'

const string = { type: 'string' } as const
const maybe = { type: ['string', 'null'] } as const
const boolean = { type: 'boolean' } as const
const object = <Properties extends object>(properties: Properties) => ({ type: 'object', properties }) as const

const NOT_FOUND = object({ error: object({ code: string }) })

const INSTANCE = object({
  id: string,
  name: string,
  description: maybe,
  status: object({ state: string, last_error: maybe, updated_at: string }),
  phone_number: maybe,
  config: object({ auto_reconnect: boolean, download_media: boolean, emit_raw: boolean }),
  sandbox: boolean,
  created_at: string,
  updated_at: string,
})

const MESSAGE = object({
  id: string,
  instance_id: string,
  chat_id: string,
  lid: maybe,
  phone_number: maybe,
  sender: string,
  direction: string,
  type: string,
  status: string,
  content: { type: 'object', additionalProperties: true },
  reactions: { type: 'array', items: { type: 'object', additionalProperties: true } },
  quoted_message_id: maybe,
  mentions: { type: 'array', items: string },
  error: maybe,
  timestamp: string,
  edited_at: maybe,
  deleted_at: maybe,
})

const PAGE = object({ data: { type: 'array', items: MESSAGE }, page: object({ next_cursor: maybe }) })

async function main(): Promise<void> {
  const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 20 })
  const sql: Sql = {
    query: async (text, values, name) => (await pool.query({ text, values: values as [], name })).rows,
  }
  const app = fastify()
  const limit = Number(process.env.RATE_LIMIT_PER_MINUTE)
  app.decorateRequest('tenantId', '')
  app.addHook('onRequest', async (request, reply) => {
    const value = sha256(String(request.headers['x-api-key']))
    const charged = await chargeCaller(sql, { by: 'key-hash', value }, { tokens: 1, limit })
    if (charged?.tenantStatus !== 'active') return reply.code(401).send({ error: { code: 'unauthorized' } })
    reply.header('X-RateLimit-Limit', limit)
    reply.header('X-RateLimit-Remaining', limit - charged.used)
    reply.header('X-RateLimit-Reset', Math.ceil(charged.resetsAt))
    if (!charged.admitted) return reply.code(429).send({ error: { code: 'rate_limited' } })
    request.setDecorator('tenantId', charged.tenantId)
  })
  app.get('/v1/instances/:id', { schema: { response: { 200: INSTANCE, 404: NOT_FOUND } } }, async (request, reply) => {
    const { id } = request.params as { id: string }
    const found = await findInstance(sql, request.getDecorator('tenantId'), id)
    if (!found) return reply.code(404).send({ error: { code: 'not_found' } })
    const { autoReconnect, downloadMedia, emitRaw } = found
    return {
      ...found,
      config: { auto_reconnect: autoReconnect, download_media: downloadMedia, emit_raw: emitRaw },
      status: { state: found.state, last_error: found.lastError, updated_at: found.stateAt.toISOString() },
      phone_number: found.phoneNumber,
      created_at: found.createdAt.toISOString(),
      updated_at: found.updatedAt.toISOString(),
    }
  })
  app.get(
    '/v1/instances/:id/messages',
    { schema: { response: { 200: PAGE, 404: NOT_FOUND } } },
    async (request, reply) => {
      const { id: instanceId } = request.params as { id: string }
      const asked = request.query as { chat_id: string; limit?: string; cursor?: string }
      const size = Number(asked.limit ?? 50)
      const tenantId = request.getDecorator<string>('tenantId')
      const found = await findInstance(sql, tenantId, instanceId)
      if (!found) return reply.code(404).send({ error: { code: 'not_found' } })
      const chat = await findChat(sql, instanceId, asked.chat_id)
      if (!chat) return { data: [], page: { next_cursor: null } }
      const after = asked.cursor === undefined ? null : Buffer.from(asked.cursor, 'base64url').toString('latin1')
      const rows = await listMessages(sql, { tenantId, instanceId, chat: chat.id, after, limit: size + 1 })
      const data = rows.slice(0, size)
      const next = rows.length > size ? Buffer.from(data.at(-1)!.id, 'latin1').toString('base64url') : null
      return { data: data.map(shown), page: { next_cursor: next } }
    },
  )
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  serve(
    asked => (asked.cpu ? cpuUs() : { url }),
    async () => {
      await app.close()
      await pool.end()
    },
  )
}

const shown = (row: MessageRow) => ({
  ...row,
  instance_id: row.instanceId,
  chat_id: row.chatId,
  phone_number: row.phoneNumber,
  quoted_message_id: row.quotedMessageId,
  error: row.errorCode,
  timestamp: row.timestamp.toISOString(),
  edited_at: row.editedAt?.toISOString() ?? null,
  deleted_at: row.deletedAt?.toISOString() ?? null,
})

if (process.argv[2] === 'fastify' && import.meta.main) await main()
