import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pool, PoolClient } from 'pg'
import { pino } from 'pino'
import { openApp, type Running } from '../src/app.ts'
import { readConfig } from '../src/config.ts'
import { createTenant } from '../src/resolvers/auth/createTenant.ts'
import { median } from './support/measure.ts'

/**
 * What row-level security as a second line would cost: the same app on the same rows, as it is and with each statement
 * in a transaction that names the tenant (`set_config(…, true)`), under a role that policies bind. `node bench/rls.ts`
 */

const AT_ONCE = 10
const ROUNDS = 5
const ROUND_MS = 3000
const TABLES = ['instance', 'message', 'event']

type Client = PoolClient & { inTransaction?: boolean; bound?: boolean }

/** Every client of the pool is bound to the tenant, statement by statement. Answers how to let go. */
function bind(pool: Pool, tenantId: string): () => Promise<void> {
  const { connect, query } = pool
  const letGo: (() => Promise<unknown>)[] = []
  const bound = async (): Promise<Client> => {
    const client = (await (connect as () => Promise<unknown>).call(pool)) as Client
    if (client.bound) return client
    const { query: own } = client
    const plain = own.bind(client) as (...args: unknown[]) => Promise<unknown>
    letGo.push(() => {
      client.query = own
      client.bound = false
      return plain('reset role')
    })
    const name = { name: 'tenant', text: `select set_config('wataki.tenant', $1, true)`, values: [tenantId] }
    await plain('set role wataki_bound')
    client.bound = true
    client.query = (async (...args: unknown[]) => {
      const text = typeof args[0] === 'string' ? args[0] : (args[0] as { text: string }).text
      if (/^(begin|start transaction)/i.test(text)) {
        client.inTransaction = true
        const result = await plain(...args)
        await plain(name)
        return result
      }
      if (/^(commit|rollback)/i.test(text)) client.inTransaction = false
      // Who calls is asked before there is a tenant, of tables without a policy.
      const asksWho = /^charge-/.test((args[0] as { name?: string }).name ?? '')
      if (asksWho || client.inTransaction || /^(commit|rollback|set )/i.test(text)) return plain(...args)
      await plain('begin')
      await plain(name)
      try {
        return await plain(...args)
      } finally {
        await plain('commit')
      }
    }) as never
    return client
  }
  pool.connect = bound as never
  pool.query = (async (...args: unknown[]) => {
    const client = await bound()
    try {
      return await (client.query as unknown as (...args: unknown[]) => Promise<unknown>)(...args)
    } finally {
      client.release()
    }
  }) as never
  return async () => {
    pool.connect = connect
    pool.query = query
    for (const free of letGo) await free()
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })

function call(url: string, { method, path, body }: Load, apiKey: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  const headers = { 'x-api-key': apiKey, ...(body !== undefined && { 'content-type': 'application/json' }) }
  const sent = request(url + path, { method, agent, headers }, response => {
    response.resume().on('end', () => resolve(response.statusCode!))
  })
  sent.on('error', reject)
  sent.end(body)
  return promise
}

interface Load {
  name: string
  method: string
  path: string
  body?: string
  status: number
}

/** Answers requests per second. */
async function rate(url: string, load: Load, apiKey: string): Promise<number> {
  const end = performance.now() + ROUND_MS
  let done = 0
  const worker = async () => {
    while (performance.now() < end) {
      const status = await call(url, load, apiKey)
      if (status !== load.status) throw new Error(`${load.name}: ${status}`)
      done++
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return (done * 1000) / ROUND_MS
}

async function prepare({ app, url }: Running): Promise<{ apiKey: string; tenantId: string; loads: Load[] }> {
  const { sql } = app.db
  const { tenantId, apiKey } = await createTenant(app, { name: 'Bench', email: 'bench@example.com' })
  const ask = async (method: string, path: string, body?: object) => {
    const response = await fetch(url + path, {
      method,
      headers: { 'x-api-key': apiKey, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    return (await response.json()) as { id: string }
  }
  const { id } = await ask('POST', '/v1/instances', { name: 'bench', sandbox: true })
  await ask('POST', `/v1/instances/${id}/connect`)
  await ask('POST', `/v1/instances/${id}/sandbox/scan`)
  await sql.query(
    `insert into chat (id, tenant_id, instance_id, phone) values ('chat_bench', $1, $2, '5511900000009@s.whatsapp.net')`,
    [tenantId, id],
  )
  await sql.query(
    `insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, timestamp)
     select 'msg_' || lpad(n::text, 26, '0'), $1, $2, 'W' || n, 'chat_bench', 'x', 'inbound', 'text',
       'delivered', '{"text":"x"}', now() from generate_series(1, 50000) as n`,
    [tenantId, id],
  )
  const statements = [
    'create role wataki_bound',
    'grant all on all tables in schema public to wataki_bound',
    'grant usage on all sequences in schema public to wataki_bound',
    ...TABLES.flatMap(table => [
      `alter table ${table} enable row level security`,
      `alter table ${table} force row level security`,
      `create policy tenant on ${table} using (tenant_id = current_setting('wataki.tenant', true))`,
    ]),
  ]
  for (const statement of statements) await sql.query(statement)
  await sql.query('analyze')
  const text = JSON.stringify({ chat_id: '5511900000003', type: 'text', content: { text: 'x' } })
  const instance = `/v1/instances/${id}`
  return {
    apiKey,
    tenantId,
    loads: [
      { name: 'GET instance', method: 'GET', path: instance, status: 200 },
      { name: 'list 50 messages', method: 'GET', path: `${instance}/messages?chat_id=5511900000009`, status: 200 },
      { name: 'send', method: 'POST', path: `${instance}/messages`, body: text, status: 202 },
    ],
  }
}

async function main(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'wataki-bench-'))
  const log = pino({ level: 'silent' })
  const config = readConfig({
    NODE_ENV: 'test',
    PORT: '0',
    DATA_DIR: dataDir,
    RATE_LIMIT_PER_MINUTE: '100000000',
  })
  const running = await openApp(config, log)
  try {
    const { apiKey, tenantId, loads } = await prepare(running)
    for (const load of loads) {
      const rates: { plain: number[]; bound: number[] } = { plain: [], bound: [] }
      // In turns, so that what else the machine does falls on both.
      for (let round = 0; round < ROUNDS; round++) {
        rates.plain.push(await rate(running.url, load, apiKey))
        const release = bind(running.app.db.pool, tenantId)
        rates.bound.push(await rate(running.url, load, apiKey))
        await release()
      }
      const [plain, bound] = [median(rates.plain), median(rates.bound)]
      const cost = Math.round((1 - bound / plain) * 100)
      console.log(`${load.name}: ${plain.toFixed(0)}/s as it is, ${bound.toFixed(0)}/s with policies: ${cost} % less`)
    }
  } finally {
    agent.destroy()
    await running.close()
    await rm(dataDir, { recursive: true, force: true })
  }
}

await main()
