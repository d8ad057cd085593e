import type { Server as NodeServer, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

/** The way down: nobody who was let in is cut off, and it ends. */

export interface WayDown {
  node: NodeServer
  /** Answers that are on their way. */
  open: () => Iterable<ServerResponse>
  connections: Set<Socket>
  /** For whoever asks `/readyz`: not ready, and still served like always. */
  noticeMs: number
  /** How long requests in flight may go on. */
  drainMs: number
  /** Called when nobody new can come. */
  onDeaf: () => void
}

/** For a request that was sent on an open connection before its sender could know. */
const LINGER_MS = 300

export async function wayDown({ node, open, connections, noticeMs, drainMs, onDeaf }: WayDown): Promise<void> {
  if (noticeMs > 0) await sleep(noticeMs)
  // Whoever has connected by now is accepted first: the kernel resets those that wait when the listener closes.
  await turn()
  const { promise: closed, resolve } = Promise.withResolvers<void>()
  // Node's own `close` of an HTTP server would cut idle connections in the same moment.
  NetServer.prototype.close.call(node, () => resolve())
  for (const res of open()) res.shouldKeepAlive = false
  onDeaf()
  const late = setTimeout(() => node.closeAllConnections(), drainMs)
  await Promise.race([closed, sleep(LINGER_MS)])
  // Browsers open connections ahead of any request; Node does not take these for idle.
  const busy = new Set([...open()].map(res => res.socket))
  for (const socket of connections) if (!busy.has(socket)) socket.destroy()
  await closed
  clearTimeout(late)
  // Ends Node's watch over slow connections.
  node.close(() => {})
}
