/**
 * The front door: one port for REST, GraphQL, WebSocket and health. It owns connections, their time limits, the
 * id and the credentials of a request, and the way down. It knows no operation and no field.
 */
import {
  createServer as createNodeServer,
  type IncomingMessage,
  type Server as NodeServer,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { GraphQLSchema } from 'graphql'
import type { App } from '../context.ts'
import { notFound, unauthorized, unavailable } from '../errors.ts'
import { answer, answerError, type Exchange } from '../rest/answer.ts'
import { createRest } from '../rest/rest.ts'
import { logRequest } from '../telemetry/request.ts'
import { checked } from './checked.ts'
import { contextsOf } from './context.ts'
import { apiKeyOf, type Identify, requestIdOf } from './credentials.ts'
import { createGraphqlDoor } from './graphql.ts'
import { onBrokenRequest, refuseUpgrade } from './raw.ts'
import { createWebSocketDoor } from './websocket.ts'
import { createHouseYoga } from './yoga.ts'

export interface ServerOptions {
  schema: GraphQLSchema
  identify: Identify
  /** How long requests in flight may go on after `close()`. */
  drainMs?: number
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
const DRAIN_MS = 10_000
const DATABASE_TIMEOUT_MS = 2000

export async function createServer(app: App, options: ServerOptions): Promise<Server> {
  const { schema, identify, drainMs = DRAIN_MS } = options
  const openContext = contextsOf(app)
  const yoga = createHouseYoga({ schema: checked(schema), log: app.log, production: app.config.production })
  const graphql = createGraphqlDoor({ app, yoga, identify })
  const sockets = createWebSocketDoor({ app, yoga, identify, openContext })
  const rest = await createRest({
    schema,
    publicUrl: app.config.publicUrl,
    admit: async ({ req, ctx }) => {
      ctx.caller = await identify(app, apiKeyOf(req))
      if (!ctx.caller) throw unauthorized()
    },
  })
  const open = new Set<ServerResponse>()
  const connections = new Set<Socket>()
  let closing: Promise<void> | undefined

  const node = createNodeServer({ ...LIMITS, ...options.limits }, (req, res) => {
    open.add(res)
    res.once('close', () => open.delete(res))
    if (closing) res.shouldKeepAlive = false
    const exchange = { req, res, ctx: openContext(requestIdOf(req)) }
    logRequest(exchange)
    const path = pathOf(req)
    if (path === '/graphql' || path === '/healthz' || path === '/readyz') exchange.ctx.facts.route = path
    if (path === '/v1' || path.startsWith('/v1/')) void rest.serve(exchange)
    else if (path === '/graphql') void graphql.serve(exchange)
    else if (path === '/healthz') answer(exchange, 200, '{"status":"ok"}')
    else if (path === '/readyz') void ready(app, exchange, closing === undefined)
    else answerError(exchange, notFound('page'))
  })
  node.on('connection', (socket: Socket) => {
    connections.add(socket)
    socket.once('close', () => connections.delete(socket))
  })
  node.on('clientError', onBrokenRequest)
  node.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (closing || pathOf(req) !== '/graphql')
      refuseUpgrade(socket, closing ? unavailable('shutting down') : notFound('page'))
    else {
      connections.delete(socket as Socket)
      sockets.upgrade(req, socket, head)
    }
  })
  return {
    listen: ({ host, port }) => listen(node, host, port),
    close: () => (closing ??= close()),
  }

  async function close(): Promise<void> {
    for (const res of open) res.shouldKeepAlive = false
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    node.close(() => resolve())
    graphql.endStreams()
    sockets.close()
    // Browsers open connections ahead of any request; Node does not take these for idle.
    const busy = new Set([...open].map(res => res.socket))
    for (const socket of connections) if (!busy.has(socket)) socket.destroy()
    const late = setTimeout(() => node.closeAllConnections(), drainMs)
    await closed
    clearTimeout(late)
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
  try {
    if (!open) throw unavailable('shutting down')
    const late = AbortSignal.timeout(DATABASE_TIMEOUT_MS)
    await Promise.race([app.db.sql.query('select 1', [], 'ready'), rejectedBy(late)])
    answer(exchange, 200, '{"status":"ready"}')
  } catch (error) {
    answerError(exchange, unavailable(open ? 'the database does not answer' : 'shutting down', error))
  }
}

function rejectedBy(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  return promise
}

function listen(node: NodeServer, host: string, port: number): Promise<{ port: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ port: number }>()
  node.once('error', reject)
  node.listen({ host, port }, () => {
    node.off('error', reject)
    resolve({ port: (node.address() as AddressInfo).port })
  })
  return promise
}
