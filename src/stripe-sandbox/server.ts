/**
 * A stand-in for Stripe: the part of its API that Wataki calls, in its published shapes, a page to pay on, and signed
 * events. It owns what Stripe would remember, in memory, and listens on this machine only. It refuses to know who
 * calls it.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../clock.ts'
import { createApi } from './api.ts'
import { createDelivery } from './deliver.ts'
import { paramsOf } from './form.ts'
import { type Answer, Idempotency } from './idempotency.ts'
import { API_VERSION, type Event } from './objects.ts'
import { createPages, type Page } from './pages.ts'
import { newId, State } from './state.ts'
import { failure, StripeTrouble } from './trouble.ts'

export interface StripeSandboxOptions {
  port?: number
  prices: { id: string; name: string; cents: number }[]
  /** Where events go, and what they are signed with. Left out: nowhere. */
  events?: { url: string; secret: string }
  clock?: Clock
  /** One line for each event that went out. */
  told?: (line: string) => void
}

export interface StripeSandbox {
  url: string
  state: State
  /** All events there were, oldest first. */
  events: Event[]
  /** Calls that were answered, such as `POST /v1/customers`. */
  calls: string[]
  /** For tests: how calls are to go wrong. Null: they do not. */
  fault: Fault | null
  close(): Promise<void>
}

export interface Fault {
  /** Such as `POST /v1/customers`; those that begin with it. */
  call: string
  /**
   * The connection is cut before it is done or after. `fails`: it is 500, for its key for good. `slow`: it is done after
   * some time; `late`: it is answered after some.
   */
  kind: 'before' | 'after' | 'fails' | 'slow' | 'late'
  times: number
}

const BODY_MAX_BYTES = 262_144
const WAIT_MS = { slow: 50, late: 1_500 }

export async function openStripeSandbox(options: StripeSandboxOptions): Promise<StripeSandbox> {
  const { port = 0, prices, clock = systemClock, told = () => {} } = options
  const delivery = options.events ? createDelivery({ clock, told, ...options.events }) : null
  const events: Event[] = []
  const onEvent = (event: Event) => {
    events.push(event)
    delivery?.send(event)
  }
  const state = new State({ clock, prices, onEvent })
  const server = createServer((req, res) => void serve(req, res).catch(() => res.destroy()))
  const api = createApi(state, () => sandbox.url)
  const pages = createPages(state)
  const answers = new Idempotency()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen({ host: '127.0.0.1', port }, resolve)
  })
  const sandbox: StripeSandbox = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    state,
    events,
    calls: [],
    fault: null,
    async close() {
      delivery?.close()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return sandbox

  async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(req.url!, sandbox.url)
    const body = await bodyOf(req)
    if (pathname.startsWith('/v1/')) return serveApi({ req, res, path: pathname, params: body || search.slice(1) })
    const page = isOwnHost(req) ? pages.serve(pathname, req.method === 'POST' ? paramsOf(body) : null) : null
    sendPage(res, page ?? { status: 404, html: 'Not found' })
  }

  async function serveApi({ req, res, path, params }: ApiCall): Promise<void> {
    const call = `${req.method} ${path}`
    const fault = faultOf(call)
    if (fault === 'before') return void req.socket.destroy()
    const { status, body, isReplayed } = await answerOf(req, { path, params, fault })
    if (fault === 'after') return void req.socket.destroy()
    sandbox.calls.push(call)
    res.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      'request-id': newId('req'),
      'stripe-version': API_VERSION,
      ...(isReplayed && { 'idempotent-replayed': 'true' }),
    })
    res.end(body)
  }

  async function answerOf(
    req: IncomingMessage,
    { path, params, fault }: { path: string; params: string; fault: Fault['kind'] | null },
  ): Promise<Answer & { isReplayed: boolean }> {
    const key = req.method === 'POST' ? req.headers['idempotency-key'] : undefined
    try {
      if (!/^Bearer (sk|rk)_test_\w+$/.test(req.headers.authorization ?? '')) {
        throw new StripeTrouble(401, { message: 'You did not provide a test API key.' })
      }
      const kept = typeof key === 'string' ? answers.begin(key, `${path} ${params}`) : null
      if (kept) return { ...kept, isReplayed: true }
    } catch (error) {
      return { ...troubleIn(error), isReplayed: false }
    }
    if (fault === 'slow') await sleep(WAIT_MS.slow)
    const answer = fault === 'fails' ? troubleIn(failure()) : ran(req.method!, path, params)
    if (fault === 'late') await sleep(WAIT_MS.late)
    if (typeof key === 'string') answers.keep(key, answer)
    return { ...answer, isReplayed: false }
  }

  function ran(method: string, path: string, params: string): Answer {
    try {
      const run = api.find(method, path)
      if (!run) throw new StripeTrouble(404, { message: `Unrecognized request URL (${method}: ${path}).` })
      return { status: 200, body: JSON.stringify(run(paramsOf(params))) }
    } catch (error) {
      return troubleIn(error)
    }
  }

  function faultOf(call: string): Fault['kind'] | null {
    const { fault } = sandbox
    if (!fault || fault.times <= 0 || !call.startsWith(fault.call)) return null
    fault.times--
    return fault.kind
  }
}

interface ApiCall {
  req: IncomingMessage
  res: ServerResponse
  path: string
  params: string
}

function troubleIn(error: unknown): Answer {
  if (!(error instanceof StripeTrouble)) throw error
  return { status: error.statusCode, body: JSON.stringify(error.body) }
}

/** A page of elsewhere whose name leads here gets nothing. */
const isOwnHost = ({ headers }: IncomingMessage): boolean =>
  /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? '')

async function bodyOf(req: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of req) {
    if ((sizeBytes += chunk.length) > BODY_MAX_BYTES) throw new Error('too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function sendPage(res: ServerResponse, { status, html, location }: Page): void {
  res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    ...(location && { location }),
  })
  res.end(html)
}
