import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Json } from './app.ts'

/** A customer's server: really listens, keeps what it gets, and answers as it is told. */
export interface Receiver {
  url: string
  /** In the order of their arrival. */
  got: Received[]
  /** How it answers from now on; at first 200. */
  answer(with_: Reply): void
  close(): Promise<void>
}

export interface Received {
  headers: IncomingHttpHeaders
  /** The very bytes. */
  raw: string
  body: Json
  path: string
  atMs: number
}

export type Reply = number | ((received: Received, response: ServerResponse) => void)

/** What the settings need so that webhooks may point here. */
export const RECEIVABLE = { WEBHOOK_ALLOWED_NETWORKS: '127.0.0.1/32' }

export async function openReceiver(): Promise<Receiver> {
  let reply: Reply = 200
  const got: Received[] = []
  const sockets = new Set<Socket>()
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.once('error', () => {})
    request.once('end', () => {
      const raw = Buffer.concat(chunks).toString('utf8')
      const received = {
        headers: request.headers,
        raw,
        body: JSON.parse(raw),
        path: request.url!,
        atMs: performance.now(),
      }
      got.push(received)
      if (typeof reply === 'function') reply(received, response)
      else response.writeHead(reply).end()
    })
  })
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket)).once('error', () => {})
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    got,
    answer(with_) {
      reply = with_
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
