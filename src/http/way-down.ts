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
/** Who asked whether it is ready comes at once, or goes elsewhere. */
const QUIET_MS = 100
const QUIET_WITHIN_MS = 1000
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
  const { ended } = await notListening(node, listeners)
  for (const res of open()) res.shouldKeepAlive = false
  onDeaf()
  const late = setTimeout(() => node.closeAllConnections(), drainMs)
  await Promise.race([ended, sleep(LINGER_MS)])
  // Timers come before reading: what came while the loop was busy is read first, or the kernel resets its connection.
  await turn()
  // Browsers open connections ahead of any request; Node does not take these for idle.
  const busy = new Set([...open()].map(res => res.socket))
  for (const socket of connections) if (!busy.has(socket)) socket.destroy()
  await ended
  clearTimeout(late)
  // Ends Node's watch over slow connections.
  node.close(() => {})
}

/**
 * The kernel resets those that wait at a listener when it closes. So each is closed right after all who wait there have
 * been let in, and none before those who look at `/readyz` had time to look away. Answers with the end of all connections.
 */
async function notListening(node: NodeServer, listeners: readonly NetServer[]): Promise<{ ended: Promise<unknown> }> {
  await nobodyComes(node, performance.now() + QUIET_WITHIN_MS)
  const endMs = performance.now() + CALM_WITHIN_MS
  const ended: Promise<void>[] = []
  for (const listener of listeners) {
    await calmTurn(endMs)
    // An HTTP server's own `close` would cut idle connections in the same moment.
    ended.push(new Promise(resolve => NetServer.prototype.close.call(listener, () => resolve())))
  }
  return { ended: Promise.all(ended) }
}

async function nobodyComes(node: NodeServer, endMs: number): Promise<void> {
  let lastMs = performance.now()
  const onConnection = () => void (lastMs = performance.now())
  node.on('connection', onConnection)
  for (let nowMs = lastMs; nowMs < endMs; nowMs = performance.now()) {
    const leftMs = lastMs + QUIET_MS - nowMs
    if (leftMs <= 0) break
    await sleep(Math.min(leftMs, endMs - nowMs))
    // Timers come before connections.
    await turn()
  }
  node.off('connection', onConnection)
}

/** A turn of the event loop in which little is done after connections are accepted and requests are read; or, in time, any. */
async function calmTurn(endMs: number): Promise<void> {
  for (;;) {
    const sinceMs = performance.now()
    await turn()
    const nowMs = performance.now()
    if (nowMs - sinceMs < CALM_MS || nowMs > endMs) return
  }
}
