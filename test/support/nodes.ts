import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { openApp, type Running } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createTenant } from '../../src/resolvers/auth/createTenant.ts'
import { startSession } from '../../src/resolvers/auth/session.ts'
import type { Json } from './app.ts'
import { testDatabase } from './database.ts'

/** Several servers on one database, as a deployment has them. */
export interface Nodes {
  nodes: Running[]
  tenant(): Promise<{ tenantId: string; apiKey: string; keyId: string }>
  /** What the cookie of a new session holds. */
  session(tenantId: string): Promise<{ id: string; token: string; cookie: string }>
  rows(text: string, params?: unknown[]): Promise<Json[]>
  close(): Promise<void>
}

export async function openNodes(count: number, variables: Record<string, string> = {}): Promise<Nodes> {
  const database = await testDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'wataki-nodes-'))
  const config = readConfig({
    NODE_ENV: 'test',
    PORT: '0',
    SANDBOX: 'off',
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    SECRET_KEY: 'one key for all of the nodes of a test',
    ...variables,
  })
  const nodes: Running[] = []
  for (let i = 0; i < count; i++) nodes.push(await openApp(config, pino({ level: process.env.LOG_LEVEL ?? 'silent' })))
  const { app } = nodes[0]!
  let tenants = 0
  const rows = (text: string, params?: unknown[]): Promise<Json[]> => app.db.sql.query(text, params)
  return {
    nodes,
    rows,
    async tenant() {
      const made = await createTenant(app, { name: 'Acme', email: `n${++tenants}@example.com` })
      const [key] = await rows('select id from api_key where tenant_id = $1', [made.tenantId])
      return { ...made, keyId: key.id }
    },
    async session(tenantId) {
      const { id, token } = await startSession(app.db.sql, { tenantId, now: app.clock.now() })
      return { id, token, cookie: `wataki_session=${token}` }
    },
    async close() {
      for (const node of nodes) await node.close()
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export interface Sent {
  method?: string
  headers?: Record<string, string | string[]>
  body?: string
  json?: unknown
  /** Of this machine; another one than 127.0.0.1 is another caller. */
  from?: string
}

export interface Got {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  body: Json
}

/** Unlike `fetch` it sends every header as it is told, and none by itself. */
export async function send(url: string, sent: Sent = {}): Promise<Got> {
  const body = sent.json === undefined ? sent.body : JSON.stringify(sent.json)
  const { promise, resolve, reject } = Promise.withResolvers<Got>()
  const type = sent.json === undefined ? {} : { 'content-type': 'application/json' }
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const headers = { ...type, ...length, ...sent.headers }
  const method = sent.method ?? (body === undefined ? 'GET' : 'POST')
  const call = request(url, { method, headers, localAddress: sent.from, agent: false }, answer => {
    let text = ''
    answer.setEncoding('utf8').on('data', chunk => (text += chunk))
    answer.once('error', reject).once('end', () => {
      const isJson = /json/.test(String(answer.headers['content-type']))
      const parsed = isJson && text !== '' ? JSON.parse(text) : undefined
      resolve({ status: answer.statusCode!, headers: answer.headers, text, body: parsed })
    })
  })
  call.once('error', reject)
  call.end(body)
  return promise
}
