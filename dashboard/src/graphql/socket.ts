import { CloseCode, createClient } from 'graphql-ws'
import { useSyncExternalStore } from 'react'

/** The one WebSocket of the page, and whether it is up: a dead feed must never look quiet. */

export type Liveness = 'idle' | 'live' | 'reconnecting'

let liveness: Liveness = 'idle'
const watchers = new Set<() => void>()
const returns = new Set<() => void>()

function become(next: Liveness): void {
  if (liveness === next) return
  const isReturn = liveness === 'reconnecting' && next === 'live'
  liveness = next
  for (const watcher of watchers) watcher()
  if (isReturn) for (const onReturn of returns) onReturn()
}

let whenUnauthorized = () => {}

/** Called when the server ends the socket because the session is over. */
export function onUnauthorized(callback: () => void): void {
  whenUnauthorized = callback
}

const RETRY_MAX_MS = 10_000
const LAZY_CLOSE_MS = 5000
/** Nobody listens any more. */
const NORMAL = 1000

export const socket = createClient({
  url: `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}/graphql`,
  lazyCloseTimeout: LAZY_CLOSE_MS,
  keepAlive: 15_000,
  retryAttempts: Number.POSITIVE_INFINITY,
  shouldRetry: () => true,
  retryWait: retries => new Promise(resolve => setTimeout(resolve, Math.min(500 * 2 ** retries, RETRY_MAX_MS))),
  // Without `crypto.randomUUID`, which pages over plain http do not have.
  generateID: (() => {
    let last = 0
    return () => String(++last)
  })(),
  on: {
    connected: () => become('live'),
    closed(event) {
      const { code } = event as CloseEvent
      become(code === CloseCode.Unauthorized || code === NORMAL ? 'idle' : 'reconnecting')
      if (code === CloseCode.Unauthorized) whenUnauthorized()
    },
  },
})

/** Called when the socket is back after it was lost: what happened meanwhile was not told. */
export function onReturn(callback: () => void): () => void {
  returns.add(callback)
  return () => returns.delete(callback)
}

export const useLiveness = (): Liveness =>
  useSyncExternalStore(
    watcher => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => liveness,
  )
