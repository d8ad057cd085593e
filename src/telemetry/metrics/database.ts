import { Gauge, Histogram, type Registry } from 'prom-client'
import { QUICK, secondsOf } from './seconds.ts'

/**
 * `single`: a statement that is a transaction of its own, with the wait for a connection. `inner`: one inside a
 * transaction. `transaction`: all of one, from the wait for a connection to its end.
 */
const KINDS = ['single', 'inner', 'transaction'] as const
export type StatementKind = (typeof KINDS)[number]

export interface DatabaseMetrics {
  took(kind: StatementKind, ms: number): void
  set(pool: { totalCount: number; idleCount: number; waitingCount: number }): void
}

export function databaseMetrics(registry: Registry): DatabaseMetrics {
  const registers = [registry]
  const times = new Histogram({
    name: 'wataki_database_seconds',
    help: 'Statements and transactions, to their end, good or bad',
    labelNames: ['kind'],
    buckets: QUICK,
    registers,
  })
  const connections = new Gauge({
    name: 'wataki_database_connections',
    help: "Connections in this node's pool",
    labelNames: ['state'],
    registers,
  })
  const waiting = new Gauge({
    name: 'wataki_database_waiting',
    help: 'Who waits for a connection of the pool',
    registers,
  })
  for (const kind of KINDS) times.zero({ kind })
  return {
    took: (kind, ms) => times.observe({ kind }, secondsOf(ms)),
    set({ totalCount, idleCount, waitingCount }) {
      connections.set({ state: 'used' }, totalCount - idleCount)
      connections.set({ state: 'idle' }, idleCount)
      waiting.set(waitingCount)
    },
  }
}
