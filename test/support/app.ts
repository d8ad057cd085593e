import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { openApp, type Running } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import type { KeptLetter, LinkLetter } from '../../src/mail/mail.ts'
import { createTenant } from '../../src/resolvers/auth/createTenant.ts'
import type { Log } from '../../src/telemetry/log.ts'
import { testDatabase } from './database.ts'

/** The real app on a free port, with a database and a sandbox of its own. */
export interface TestApp extends Running {
  tenant(name?: string): Promise<Caller>
  /** The newest link to this address that would have been mailed, once it is there. */
  letterTo(email: string): Promise<KeptLetter & LinkLetter>
  /** Starts the same app again on the same data, as after a stop, with these settings changed. */
  restart(changed?: Record<string, string>): Promise<void>
}

export async function openTestApp(
  variables: Record<string, string> = {},
  log: Log = pino({ level: process.env.LOG_LEVEL ?? 'silent' }),
): Promise<TestApp> {
  const database = await testDatabase()
  const dataDir = await mkdtemp(join(tmpdir(), 'wataki-app-'))
  let settings: Record<string, string> = {
    NODE_ENV: 'test',
    PORT: '0',
    DATABASE_URL: database.url,
    DATA_DIR: dataDir,
    RATE_LIMIT_PER_MINUTE: '1000000',
    ...variables,
  }
  let running = await openApp(readConfig(settings), log)
  let tenants = 0
  return {
    get app() {
      return running.app
    },
    get url() {
      return running.url
    },
    get metricsUrl() {
      return running.metricsUrl
    },
    async tenant(name = `Tenant ${++tenants}`) {
      const created = await createTenant(running.app, { name, email: `t${++tenants}@example.com` })
      return callerOf(() => running.url, created)
    },
    async letterTo(email) {
      const newest = () =>
        running.app.mail.kept().find(letter => letter.kind !== 'webhook_disabled' && letter.to === email)
      return (await until(newest, letter => letter !== undefined)) as KeptLetter & LinkLetter
    },
    async restart(changed = {}) {
      await running.close()
      settings = { ...settings, ...changed }
      running = await openApp(readConfig(settings), log)
    },
    async close() {
      await running.close()
      await database.drop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are checked field by field where they are used
export type Json = any

export interface Answer {
  status: number
  headers: Headers
  body: Json
}

/** Somebody with an API key, over HTTP. */
export interface Caller {
  tenantId: string
  apiKey: string
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  patch(path: string, body?: unknown): Promise<Answer>
  delete(path: string): Promise<Answer>
  request(method: string, path: string, options?: { body?: string; headers?: Record<string, string> }): Promise<Answer>
  graphql(query: string, variables?: Record<string, unknown>): Promise<Json>
}

function callerOf(url: () => string, credentials: { tenantId: string; apiKey: string }): Caller {
  const request: Caller['request'] = async (method, path, { body, headers } = {}) => {
    const response = await fetch(url() + path, {
      method,
      body,
      headers: {
        'x-api-key': credentials.apiKey,
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }
  const withBody = (method: string) => (path: string, body?: unknown, headers?: Record<string, string>) =>
    request(method, path, { ...(body !== undefined && { body: JSON.stringify(body) }), headers })
  return {
    ...credentials,
    request,
    get: (path, headers) => request('GET', path, { headers }),
    post: withBody('POST'),
    patch: withBody('PATCH'),
    delete: path => request('DELETE', path),
    graphql: async (query, variables) => (await withBody('POST')('/graphql', { query, variables })).body,
  }
}

/** Asks until `accept` takes the answer; the last answer is in the error. */
export async function until<T>(
  ask: () => Promise<T> | T,
  accept: (value: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    const value = await ask()
    if (accept(value)) return value
    if (Date.now() > deadline) throw new Error(`not so within ${timeoutMs} ms, last: ${JSON.stringify(value)}`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

/** A sandbox instance of the caller, linked and connected. */
export async function connectedInstance(caller: Caller, name = 'bot'): Promise<string> {
  const created = await caller.post('/v1/instances', { name, sandbox: true })
  const path = `/v1/instances/${created.body.id}`
  await caller.post(`${path}/connect`)
  const scanned = await caller.post(`${path}/sandbox/scan`)
  if (scanned.body.state !== 'connected') throw new Error(`not connected: ${JSON.stringify(scanned.body)}`)
  return created.body.id
}
