import type { Client } from './client.ts'

/** One socket under HTTP, to one origin. */
export interface Connection {
  client: Client
  origin: string
}

/** Connections that wait for the next request to their origin; each closes by itself after a few seconds. */
export interface Idle {
  /** Out of the pool: until it is kept again, it is the taker's alone. */
  take(origin: string): Connection | undefined
  keep(connection: Connection): void
  /** Its socket has closed. */
  forget(connection: Connection): void
  close(): Promise<void>
}

/** More than this, and the one that has waited longest is closed: origins are as many as strangers like. */
export const IDLE_MAX = 256

export function createIdle(): Idle {
  /** Longest waiting first. */
  const waiting = new Set<Connection>()
  const byOrigin = new Map<string, Connection[]>()
  let closed = false
  const remove = (connection: Connection): void => {
    if (!waiting.delete(connection)) return
    const left = byOrigin.get(connection.origin)!.filter(each => each !== connection)
    if (left.length > 0) byOrigin.set(connection.origin, left)
    else byOrigin.delete(connection.origin)
  }
  return {
    take(origin) {
      const newest = byOrigin.get(origin)?.at(-1)
      if (newest) remove(newest)
      return newest
    },
    keep(connection) {
      if (closed) return void connection.client.destroy()
      waiting.add(connection)
      byOrigin.set(connection.origin, [...(byOrigin.get(connection.origin) ?? []), connection])
      if (waiting.size <= IDLE_MAX) return
      const [oldest] = waiting
      remove(oldest!)
      void oldest!.client.destroy()
    },
    forget: remove,
    async close() {
      closed = true
      const all = [...waiting]
      all.forEach(remove)
      await Promise.all(all.map(({ client }) => client.destroy()))
    },
  }
}
