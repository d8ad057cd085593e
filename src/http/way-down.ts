import type { Server as NodeServer, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'

/** The way down: nobody who was let in is cut off, and it ends. */

export interface WayDown {
  node: NodeServer
  /** All of its port; `node` among them. */
  listeners: readonly NetServer[]
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
const CALM_MS = 0.5
const CALM_WITHIN_MS = 300

export async function wayDown({
  node,
  listeners,
  open,
  connections,
  noticeMs,
  drainMs,
  onDeaf,
}: WayDown): Promise<void> {
  if (noticeMs > 0) await sleep(noticeMs)
  // Whoever has connected by now is accepted first: the kernel resets those that wait when the listener closes.
  await calmTurn()
  const closed = Promise.all(listeners.map(notListening))
  for (const res of open()) res.shouldKeepAlive = false
  onDeaf()
  const late = setTimeout(() => node.closeAllConnections(), drainMs)
  await Promise.race([closed, sleep(LINGER_MS)])
  // Timers come before reading: what came while the loop was busy is read first, or the kernel resets its connection.
  await turn()
  // Browsers open connections ahead of any request; Node does not take these for idle.
  const busy = new Set([...open()].map(res => res.socket))
  for (const socket of connections) if (!busy.has(socket)) socket.destroy()
  await closed
  clearTimeout(late)
  // Ends Node's watch over slow connections.
  node.close(() => {})
}

/** Answers when the last of its connections has ended. */
function notListening(listener: NetServer): Promise<void> {
  // An HTTP server's own `close` would cut idle connections in the same moment.
  return new Promise(resolve => NetServer.prototype.close.call(listener, () => resolve()))
}

/** A turn of the event loop in which little is done after connections are accepted and requests are read; or, in time, any. */
async function calmTurn(): Promise<void> {
  const endMs = performance.now() + CALM_WITHIN_MS
  for (;;) {
    const sinceMs = performance.now()
    await turn()
    const nowMs = performance.now()
    if (nowMs - sinceMs < CALM_MS || nowMs > endMs) return
  }
}
