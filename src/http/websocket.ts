import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { GraphQLError, getOperationAST } from 'graphql'
import { CloseCode, handleProtocols, makeServer, type Server, type SubscribePayload } from 'graphql-ws'
import { type WebSocket, WebSocketServer } from 'ws'
import type { App, Caller } from '../context.ts'
import { tooManyStreams } from '../errors.ts'
import { newId } from '../ids.ts'
import { apiErrorOf } from '../rest/answer.ts'
import type { OpenContext } from './context.ts'
import type { Entrance } from './entrance.ts'
import type { Gate } from './gate.ts'
import { coded, masked } from './graphql-errors.ts'
import type { Live } from './revoked.ts'
import type { Yoga } from './yoga.ts'

/** GraphQL over WebSocket (`graphql-transport-ws`), for callers with an API key, and for pages of our own. */

export interface WebSocketOptions {
  app: App
  yoga: Yoga
  gate: Gate
  openContext: OpenContext
  entrance: Entrance
}

export interface WebSocketDoor {
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Those that are let in. */
  live(): Live[]
  /** Tells every client to come back elsewhere. */
  close(): void
}

interface Connection {
  socket: WebSocket
  req: IncomingMessage
  caller: Caller | null
}

const MESSAGE_MAX_BYTES = 1_048_576
/** Of a reader that does not keep up. */
const UNREAD_MAX_BYTES = 1_048_576
const OPERATIONS_MAX = 100
/** Of one tenant, on this node. */
const SOCKETS_MAX = 50
const AUTHENTICATION_TIMEOUT_MS = 3000
const HEARTBEAT_MS = 12_000
const FAREWELL_MS = 1000

export function createWebSocketDoor(options: WebSocketOptions): WebSocketDoor {
  const connections = new Set<Connection>()
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_MAX_BYTES, handleProtocols })
  const server = makeServer<Record<string, unknown>, Connection>({
    // Watched below: it must also end a client whose key is never found good.
    connectionInitWaitTimeout: 0,
    onConnect: ({ extra, connectionParams }) => admit(options, connections, { connection: extra, connectionParams }),
    onSubscribe: ({ extra, subscriptions }, _id, payload) => {
      if (Object.keys(subscriptions).length > OPERATIONS_MAX) return [tooMany()]
      return prepare(options, extra, payload)
    },
    execute: args => (args as unknown as Prepared).run(args),
    subscribe: args => (args as unknown as Prepared).run(args),
  })
  sockets.on('connection', (socket: WebSocket, req: IncomingMessage) => {
    const connection = { socket, req, caller: null }
    connections.add(connection)
    socket.once('close', () => connections.delete(connection))
    open(server, options, connection)
  })
  return {
    upgrade: (req, socket, head) => {
      sockets.handleUpgrade(req, socket, head, webSocket => sockets.emit('connection', webSocket, req))
    },
    live: () =>
      [...connections].flatMap(({ caller, socket }) => {
        const cut = () => end(socket, CloseCode.Unauthorized, 'Unauthorized')
        return caller ? [{ caller, cut }] : []
      }),
    close() {
      for (const socket of sockets.clients) end(socket, 1001, 'Going away')
    },
  }
}

/** Whether the other side says goodbye or not. */
function end(socket: WebSocket, code: number, reason: string): void {
  socket.close(code, reason)
  setTimeout(() => socket.terminate(), FAREWELL_MS).unref()
}

const tooMany = () => coded(new GraphQLError(`at most ${OPERATIONS_MAX} operations at once on one socket`))

function open(server: Server<Connection>, { app }: WebSocketOptions, connection: Connection): void {
  const { socket } = connection
  const grace = setTimeout(() => {
    if (!connection.caller) socket.close(CloseCode.ConnectionInitialisationTimeout, 'Connection initialisation timeout')
  }, AUTHENTICATION_TIMEOUT_MS)
  const stopHeartbeat = heartbeat(socket)
  socket.on('error', error => app.log.debug({ err: error }, 'a WebSocket broke'))
  const closed = server.opened(
    {
      protocol: socket.protocol,
      send: text => send(socket, text),
      close: (code, reason) => socket.close(code, reason),
      onMessage: handle => {
        socket.on('message', data => {
          handle(String(data)).catch(error => {
            app.log.debug({ err: error }, 'a WebSocket message was refused')
            socket.close(CloseCode.BadRequest, 'Invalid message received')
          })
        })
      },
    },
    connection,
  )
  socket.once('close', (code, reason) => {
    clearTimeout(grace)
    stopHeartbeat()
    closed(code, String(reason)).catch(error => app.log.warn({ err: error }, 'a subscription did not end well'))
  })
}

function send(socket: WebSocket, text: string): Promise<void> {
  if (socket.readyState !== socket.OPEN) return Promise.resolve()
  if (socket.bufferedAmount > UNREAD_MAX_BYTES) {
    socket.terminate()
    return Promise.resolve()
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  // A socket that breaks is told by its `close`.
  socket.send(text, () => resolve())
  return promise
}

/** Ends a socket whose other side is gone without a word. */
function heartbeat(socket: WebSocket): () => void {
  let alive = true
  let timer = setTimeout(beat, HEARTBEAT_MS)
  socket.on('pong', () => {
    alive = true
  })
  function beat() {
    if (!alive) return socket.terminate()
    alive = false
    socket.ping()
    timer = setTimeout(beat, HEARTBEAT_MS)
  }
  return () => clearTimeout(timer)
}

/** `{ apiKey }`, or the header's name as REST spells it. */
const keyIn = (params: Readonly<Record<string, unknown>> | undefined): unknown =>
  params?.apiKey ?? Object.entries(params ?? {}).find(([name]) => name.toLowerCase() === 'x-api-key')?.[1]

interface Greeting {
  connection: Connection
  connectionParams: Readonly<Record<string, unknown>> | undefined
}

/** The key comes with the upgrade request, or with the first message, from browsers. */
async function admit(
  { app, gate, openContext, entrance }: WebSocketOptions,
  connections: ReadonlySet<Connection>,
  { connection, connectionParams }: Greeting,
): Promise<boolean> {
  const { req, socket } = connection
  const given = keyIn(connectionParams)
  const ctx = openContext(req, newId('req'))
  try {
    await entrance.enter(ctx, { req })
    await gate.admitSocket(req, ctx, typeof given === 'string' && given !== '' ? given : null).finally(ctx.pass.leave)
    const { tenantId } = ctx.caller!
    const open = [...connections].filter(({ caller }) => caller?.tenantId === tenantId).length
    if (open >= SOCKETS_MAX) throw tooManyStreams(SOCKETS_MAX)
    connection.caller = ctx.caller
    return true
  } catch (error) {
    const code = apiErrorOf(error)?.code
    if (code === 'unauthorized') socket.close(CloseCode.Unauthorized, 'Unauthorized')
    else if (code === 'account_inactive') socket.close(CloseCode.Forbidden, 'Forbidden')
    else if (code === 'rate_limited' || code === 'unavailable') socket.close(TRY_AGAIN_LATER, 'Try again later')
    else {
      app.log.error({ err: error }, 'a WebSocket could not be authenticated')
      socket.close(CloseCode.InternalServerError, 'Internal server error')
    }
    return false
  }
}

/** Clients come back after it, unlike after the codes of their own protocol. */
const TRY_AGAIN_LATER = 1013

/** What `prepare` hands to `execute` and `subscribe`: Yoga's own way of running it. */
interface Prepared {
  run: (args: unknown) => never
}

async function prepare(
  { app, yoga, gate, openContext, entrance }: WebSocketOptions,
  { req, caller }: Connection,
  payload: SubscribePayload,
) {
  // The headers of the upgrade are not those of an operation.
  const house = Object.assign(openContext(req, newId('req')), { caller, idempotencyKey: null })
  const enveloped = yoga.getEnveloped({ house, params: payload } as never)
  try {
    await entrance.enter(house, { req })
    await gate.charge(house, 1)
    const document = enveloped.parse(payload.query)
    const errors: readonly GraphQLError[] = enveloped.validate(enveloped.schema, document)
    if (errors.length > 0) {
      house.pass.leave()
      return errors.map(error => coded(error, { hideSuggestions: app.config.production }))
    }
    const contextValue = await enveloped.contextFactory()
    const { query: _query, operationName, variables: variableValues } = payload
    const kind = getOperationAST(document, operationName)?.operation
    // Of several none was named: nothing will run.
    if (!kind) house.pass.leave()
    const begin = kind === 'subscription' ? enveloped.subscribe : enveloped.execute
    const run = async (args: unknown) => {
      try {
        return await begin(args as never)
      } finally {
        house.pass.leave()
      }
    }
    return { schema: enveloped.schema, document, operationName, variableValues, contextValue, run } as never
  } catch (error) {
    house.pass.leave()
    return [masked(app.log, error) as GraphQLError]
  }
}
