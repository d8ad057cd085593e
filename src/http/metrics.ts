import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { ConfigError } from '../config.ts'
import type { App } from '../context.ts'
import { methodNotAllowed, notFound, unauthorized } from '../errors.ts'
import { mayScrape } from '../resolvers/auth/may-scrape.ts'
import { answer, answerError, type Exchange } from '../rest/answer.ts'
import type { Exposition } from '../telemetry/metrics/metrics.ts'

/** `/metrics`, for Prometheus: on the server's own listener, or on one that only it can reach. */

const METHODS = ['GET', 'HEAD']

type Expose = () => Promise<Exposition>

/** On the server's own listener. Nobody is charged: a hash is compared before anything is done. */
export const metricsPage =
  (app: App, expose: Expose | undefined) =>
  async (exchange: Exchange): Promise<void> => {
    const { req } = exchange
    try {
      if (!app.config.metrics.onMain || !expose) throw notFound('page')
      if (!METHODS.includes(req.method!)) {
        return answerError(exchange, methodNotAllowed(), { headers: { Allow: METHODS.join(', ') } })
      }
      if (!mayRead(app, req)) {
        return answerError(exchange, unauthorized(), { headers: { 'WWW-Authenticate': 'Bearer' } })
      }
      const { contentType, text } = await expose()
      answer(exchange, 200, text, { 'Content-Type': contentType })
    } catch (error) {
      answerError(exchange, error)
    }
  }

function mayRead(app: Pick<App, 'config'>, { headers }: IncomingMessage): boolean {
  const [, given = null] = /^Bearer +(.+)$/i.exec(headers.authorization ?? '') ?? []
  return mayScrape(app, given)
}

export interface MetricsListener {
  url: string
  close(): Promise<void>
}

const LIMITS = { headersTimeout: 10_000, requestTimeout: 10_000, maxHeaderSize: 16_384 }
const CONNECTIONS_MAX = 20

/** A listener of its own, which knows this one path. Null: there is to be none. */
export async function openMetricsListener(app: App, expose: Expose): Promise<MetricsListener | null> {
  const { own } = app.config.metrics
  if (own === null) return null
  const serve = async (req: IncomingMessage, res: ServerResponse) => {
    const path = req.url!.split('?', 1)[0]
    if (path !== '/metrics') return void res.writeHead(404).end()
    if (!METHODS.includes(req.method!)) return void res.writeHead(405, { Allow: METHODS.join(', ') }).end()
    if (!mayRead(app, req)) return void res.writeHead(401, { 'WWW-Authenticate': 'Bearer' }).end()
    const { contentType, text } = await expose()
    res.writeHead(200, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) }).end(text)
  }
  const sockets = new Set<Socket>()
  const node = createServer(LIMITS, (req, res) => void serve(req, res).catch(() => res.destroy()))
  node.maxConnections = CONNECTIONS_MAX
  node.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  node.once('error', (error: NodeJS.ErrnoException) => {
    reject(new ConfigError(`METRICS_PORT: nothing can listen at ${own.host}:${own.port} (${error.code})`))
  })
  node.listen(own, resolve)
  await promise
  const { port } = node.address() as AddressInfo
  return {
    url: `http://${own.host}:${port}/metrics`,
    async close() {
      const closed = new Promise(resolve => node.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
