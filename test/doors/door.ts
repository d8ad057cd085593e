import { connect } from 'node:net'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { systemClock } from '../../src/clock.ts'
import type { App, Caller } from '../../src/context.ts'
import type { Doorkeeper } from '../../src/http/gate.ts'
import { createServer, type ServerOptions } from '../../src/http/server.ts'
import { Turnstile, type TurnstileOptions } from '../../src/http/turnstile.ts'
import { createRevocations } from '../../src/resolvers/auth/revocations.ts'
import { Calls } from '../../src/resolvers/observability/calls.ts'
import { createMetrics } from '../../src/telemetry/metrics/metrics.ts'
import { schema } from './schema.ts'

export interface Door {
  url: string
  port: number
  /** Lines of the log. */
  log: string[]
  /** How often an `em` was forked. */
  forks: () => number
  app: App
  call: (path: string, init?: Call) => Promise<Answer>
  graphql: (query: string, init?: Call & { variables?: object }) => Promise<Answer>
  close: () => Promise<void>
}

export interface Call {
  method?: string
  /** Null: none. */
  key?: string | null
  json?: unknown
  body?: string | Buffer
  headers?: Record<string, string>
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into it
  json: any
}

/** Knows one key and one session of one tenant, with an allowance that nobody uses up, and the operator's key. */
export const doorkeeper: Doorkeeper = {
  mayBeGood: () => true,
  isOperator: (_app, apiKey) => apiKey === 'operator',
  admit: async (_app, credentials) => {
    if ('apiKey' in credentials) return credentials.apiKey === 'good' ? admission(byKey) : null
    return credentials.sessionToken === 'good' ? admission(bySession) : null
  },
  chargeMore: async (_app, caller) => admission(caller),
  stillGood: async (_app, callers) => [...callers],
}
const byKey: Caller = { tenantId: 'ten_1', via: { kind: 'key', apiKeyId: 'key_1' } }
const bySession: Caller = { tenantId: 'ten_1', via: { kind: 'session', sessionId: 'ses_1' } }
const allowance = { limit: 60, remaining: 59, resetsAtSeconds: 1_900_000_000, resetsInSeconds: 60 }
const admission = (caller: Caller) => ({ caller, active: true, admitted: true, allowance })

type DoorOptions = Partial<ServerOptions> & {
  production?: boolean
  config?: Partial<App['config']>
  turnstile?: Partial<TurnstileOptions>
}

/** The real server on a free port, over an app of which only what the doors touch is there. */
export async function openDoor(options: DoorOptions = {}): Promise<Door> {
  const log: string[] = []
  let forks = 0
  const sink = new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk))
      done()
    },
  })
  const app = {
    config: {
      production: options.production ?? false,
      publicUrl: 'http://localhost:3000',
      corsOrigins: [],
      trustProxy: [],
      rateLimitPerMinute: 1_000_000,
      metrics: { own: null, token: null, onMain: true },
      connectionsMax: 5000,
      ...options.config,
    },
    clock: systemClock,
    turnstile: new Turnstile({ atOnce: 40, log: pino({ level: 'warn' }, sink), ...options.turnstile }),
    calls: new Calls(),
    metrics: createMetrics({ version: 'test' }),
    node: { draining: false },
    revocations: createRevocations(() => {}),
    log: pino({ level: 'debug' }, sink),
    db: { orm: { em: { fork: () => ({ fork: ++forks }) } }, sql: { query: async () => [{}] } },
  } as unknown as App
  const server = await createServer(app, { schema, doorkeeper, noticeMs: 0, ...options })
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${port}`
  const call = async (path: string, { method, key = 'good', json, body, headers = {} }: Call = {}): Promise<Answer> => {
    const content = json === undefined ? body : JSON.stringify(json)
    const response = await fetch(url + path, {
      method: method ?? (content === undefined ? 'GET' : 'POST'),
      headers: {
        ...(key === null ? {} : { 'X-API-Key': key }),
        ...(content === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      body: content as BodyInit | undefined,
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    return { status: response.status, headers: response.headers, text, json: isJson && text ? JSON.parse(text) : null }
  }
  return {
    url,
    port,
    log,
    forks: () => forks,
    app,
    call,
    graphql: (query, { variables, ...init } = {}) => call('/graphql', { json: { query, variables }, ...init }),
    close: () => server.close(),
  }
}

/** Sends bytes as they are and gives everything that comes back until the other side closes. */
export async function raw(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(bytes)
  let text = ''
  socket.on('data', chunk => (text += chunk))
  socket.on('error', () => {})
  await new Promise(resolve => socket.once('close', resolve))
  return text
}

export async function until(condition: () => boolean, timeoutMs = 30_000): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!condition()) {
    if (performance.now() > end) throw new Error('the condition did not come true in time')
    await new Promise(resolve => setTimeout(resolve, 5))
  }
}
