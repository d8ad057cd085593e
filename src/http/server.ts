/**
 * The front door: one port for REST, GraphQL, WebSocket and health. It owns connections, their time limits, the
 * id and the credentials of a request, and the way down. It knows no operation and no field.
 */
import { createServer as createNodeServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Server as NetServer, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { GraphQLSchema } from 'graphql'
import type { App } from '../context.ts'
import { notFound, unavailable } from '../errors.ts'
import type { DescribedEvent } from '../resolvers/events/eventCatalogue.ts'
import { answer, answerError, apiErrorOf, crash, type Exchange } from '../rest/answer.ts'
import { type BinaryRoute, createRest, type SignedRoute } from '../rest/rest.ts'
import type { Exposition } from '../telemetry/metrics/metrics.ts'
import { logRequest } from '../telemetry/request.ts'
import { requestServed } from '../telemetry/spans.ts'
import { addressesBehind } from './address.ts'
import { checked } from './checked.ts'
import { contextsOf } from './context.ts'
import { sharer } from './cors.ts'
import { countCall } from './count.ts'
import { requestIdOf } from './credentials.ts'
import type { Dashboard } from './dashboard.ts'
import { createEntrance, type Door } from './entrance.ts'
import { createGate, type Doorkeeper } from './gate.ts'
import { createGraphqlDoor } from './graphql.ts'
import { openListeners } from './listeners.ts'
import { metricsPage } from './metrics.ts'
import { homePage } from './pages/home-page.ts'
import { mailboxPage } from './pages/mailbox-page.ts'
import { verifyPage } from './pages/verify-page.ts'
import { onBrokenRequest, refuse } from './raw.ts'
import { type Live, watchRevocations } from './revoked.ts'
import { seated } from './streams.ts'
import { wayDown } from './way-down.ts'
import { createWebSocketDoor } from './websocket.ts'
import { createHouseYoga } from './yoga.ts'

export interface ServerOptions {
  schema: GraphQLSchema
  /** What REST answers with bytes. */
  binary?: BinaryRoute[]
  /** What REST takes from who signs it. */
  signed?: SignedRoute[]
  /** What webhooks are told of. */
  events?: DescribedEvent[]
  doorkeeper: Doorkeeper
  /** Null: a page that says what there is stands in its place. */
  dashboard?: Dashboard | null
  /** What Prometheus reads. */
  expose?: () => Promise<Exposition>
  /** How long requests in flight may go on after `close()`. */
  drainMs?: number
  /** How long new requests are still answered after `close()`, while `/readyz` says no. */
  noticeMs?: number
  limits?: Partial<typeof LIMITS>
}

export interface Server {
  listen(at: { host: string; port: number }): Promise<{ port: number }>
  /** Not ready at once; streams end, requests in flight are finished, then connections are closed. */
  close(): Promise<void>
}

const LIMITS = {
  headersTimeout: 10_000,
  // Of the whole request, not of the answer: streams may last.
  requestTimeout: 25_000,
  // How often the two above are looked at.
  connectionsCheckingInterval: 2000,
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
}
// The whole way down of a process takes less than 10 s.
const DRAIN_MS = 6000
/** For load balancers to notice. */
const NOTICE_MS = 1000
const DATABASE_TIMEOUT_MS = 2000

export async function createServer(app: App, options: ServerOptions): Promise<Server> {
  const {
    schema,
    binary,
    signed,
    events,
    doorkeeper,
    dashboard = null,
    drainMs = DRAIN_MS,
    noticeMs = app.config.production ? NOTICE_MS : 0,
  } = options
  const { production, publicUrl, corsOrigins, trustProxy } = app.config
  const openContext = contextsOf(app, addressesBehind(trustProxy))
  const gate = createGate(app, doorkeeper)
  const served = checked(seated(schema))
  const yoga = createHouseYoga({ schema: served, log: app.log, production, charge: gate.charge })
  const graphql = createGraphqlDoor({ yoga, gate })
  const entrance = createEntrance(app, gate)
  const sockets = createWebSocketDoor({ app, yoga, gate, openContext, entrance })
  const rest = await createRest({ schema, binary, signed, events, publicUrl, gate })
  const share = sharer(corsOrigins)
  // Who signs what they send has something to tell that was done already.
  const spared = new Set((signed ?? []).map(({ path }) => `/v1${path}`))
  const behind = (door: Door) => (exchange: Exchange) => {
    const { method } = exchange.req
    if (share(exchange) !== 'on') return
    if (method === 'OPTIONS' || (method === 'POST' && spared.has(pathOf(exchange.req)))) return door.serve(exchange)
    return entrance.admit(exchange, door)
  }
  const open = new Map<ServerResponse, Exchange>()
  const connections = new Set<Socket>()
  const watch = watchRevocations({
    app,
    live: () => [...sockets.live(), ...streamsIn(open)],
    stillGood: doorkeeper.stillGood,
  })
  let closing: Promise<void> | undefined
  let deaf = false
  let listeners: NetServer[] = []

  const node = createNodeServer({ ...LIMITS, ...options.limits }, (req, res) => {
    if (deaf) res.shouldKeepAlive = false
    const exchange = { req, res, ctx: openContext(req, requestIdOf(req)) }
    open.set(res, exchange)
    res.once('close', () => open.delete(res))
    const path = pathOf(req)
    const door = path.startsWith('/v1/') ? '/v1' : path
    const serve = () => serveAt(door, exchange)
    if (door === '/v1' || door === '/graphql') requestServed(exchange, serve)
    else serve()
  })
  const serveAt = (path: string, exchange: Exchange) => {
    logRequest(exchange)
    countCall(app, exchange)
    const page = dashboard?.at(exchange.req, path)
    if (page) {
      exchange.ctx.facts.route = '/'
      return void page(exchange).catch(error => answerError(exchange, error))
    }
    const serve = answerWith.get(path)
    if (!serve) return answerError(exchange, notFound('page'))
    // Below /v1 the pattern is known later.
    if (path !== '/v1') exchange.ctx.facts.route = path
    void serve(exchange)
  }
  const answerWith = new Map<string, (exchange: Exchange) => unknown>([
    ['/v1', behind(rest)],
    ['/graphql', behind(graphql)],
    ['/healthz', exchange => answer(exchange, 200, '{"status":"ok"}')],
    ['/readyz', exchange => ready(app, exchange, closing === undefined)],
    ['/metrics', metricsPage(app, options.expose)],
    ['/', homePage],
    ['/auth/verify', verifyPage],
    ['/dev/mailbox', mailboxPage],
  ])
  // Of all listeners together, and of those that are WebSockets by now, too: Node's own bound knows but one listener.
  let held = 0
  node.on('connection', (socket: Socket) => {
    connections.add(socket)
    held++
    socket.once('close', () => {
      connections.delete(socket)
      held--
    })
    if (held > app.config.connectionsMax) socket.destroy()
  })
  node.on('clientError', onBrokenRequest)
  node.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    const ctx = openContext(req, requestIdOf(req))
    try {
      if (closing) throw unavailable('shutting down')
      if (pathOf(req) !== '/graphql') throw notFound('page')
      gate.beforeUpgrade(req, ctx)
    } catch (error) {
      return refuse(socket, apiErrorOf(error) ?? crash(ctx, error), ctx)
    }
    connections.delete(socket as Socket)
    sockets.upgrade(req, socket, head)
  })
  return {
    async listen(at) {
      const { port, servers } = await openListeners(node, at)
      listeners = servers
      return { port }
    },
    close: () => (closing ??= close()),
  }

  async function close(): Promise<void> {
    const onDeaf = () => {
      deaf = true
      graphql.endStreams()
      sockets.close()
      watch.stop()
    }
    await wayDown({ node, listeners, open: () => open.keys(), connections, noticeMs, drainMs, onDeaf })
  }
}

/** Answers without an end, each with the caller it was opened by. */
function* streamsIn(open: Map<ServerResponse, Exchange>): Generator<Live> {
  for (const [res, { ctx }] of open) {
    const type = res.headersSent && ctx.caller ? String(res.getHeader('content-type')) : ''
    if (/^(text\/event-stream|multipart\/mixed)/.test(type)) yield { caller: ctx.caller!, cut: () => res.destroy() }
  }
}

/** Of `/path?query` and of the absolute form that proxies send. */
function pathOf(req: IncomingMessage): string {
  const url = req.url!
  if (!url.startsWith('/')) return URL.parse(url)?.pathname ?? ''
  const end = url.indexOf('?')
  return end === -1 ? url : url.slice(0, end)
}

async function ready(app: App, exchange: Exchange, open: boolean): Promise<void> {
  const refusal = !open ? 'shutting down' : app.node.draining ? 'draining' : null
  if (refusal) return answerError(exchange, unavailable(refusal))
  try {
    const late = AbortSignal.timeout(DATABASE_TIMEOUT_MS)
    await Promise.race([app.db.sql.query('select 1', [], 'ready'), rejectedBy(late)])
    answer(exchange, 200, '{"status":"ready"}')
  } catch (error) {
    answerError(exchange, unavailable('the database does not answer', error))
  }
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}
