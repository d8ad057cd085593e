import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { oneOf } from './labels.ts'
import { QUICK, secondsOf } from './seconds.ts'

/** `other`: no method that anything here answers to. */
const METHODS = ['GET', 'POST', 'PATCH', 'DELETE', 'other'] as const
const CALLERS = ['tenant', 'stranger'] as const
const OPERATIONS = ['query', 'mutation', 'subscription'] as const

export interface Answered {
  method: string
  /** The pattern that the path matched; null: none. Never the path. */
  route: string | null
  /** Null: the caller was gone before there was an answer. */
  status: number | null
  /** Null: a stream, which takes as long as its reader wants. */
  tookMs: number | null
}

export interface HttpMetrics {
  answered(answer: Answered): void
  rateLimited(caller: (typeof CALLERS)[number]): void
  /** Requests by now: those that are worked on, those in line for that, and all that were refused as more came than can be done. */
  atTheDoor(now: { busy: number; waiting: number; refused: number }): void
  /** A GraphQL document was run. */
  operated(type: (typeof OPERATIONS)[number]): void
  /** A subscription, by its field of the schema, was opened. The answer ends it. */
  subscribed(operation: string): () => void
}

export function httpMetrics(registry: Registry): HttpMetrics {
  const registers = [registry]
  const requests = new Counter({
    name: 'wataki_http_requests_total',
    help: 'Requests over HTTP, by method, pattern of the path and class of the answer (none: the caller left before)',
    labelNames: ['method', 'route', 'status'],
    registers,
  })
  const times = new Histogram({
    name: 'wataki_http_request_seconds',
    help: 'From the head of a request to the end of its answer, streams left out',
    labelNames: ['method', 'route'],
    buckets: QUICK,
    registers,
  })
  const limited = new Counter({
    name: 'wataki_rate_limited_total',
    help: 'Calls that were refused because an allowance was used up',
    labelNames: ['caller'],
    registers,
  })
  const overloads = new Counter({
    name: 'wataki_overload_refused_total',
    help: 'Requests and operations over WebSocket that were refused with 503, as more came than can be done',
    registers,
  })
  const busy = new Gauge({ name: 'wataki_requests_busy', help: 'Requests that are worked on', registers })
  const waiting = new Gauge({ name: 'wataki_requests_waiting', help: 'Requests in line to be worked on', registers })
  const operations = new Counter({
    name: 'wataki_graphql_operations_total',
    help: 'GraphQL operations that were run, over HTTP and WebSocket',
    labelNames: ['type'],
    registers,
  })
  const subscriptions = new Gauge({
    name: 'wataki_subscriptions_open',
    help: 'Open subscriptions of this node, over SSE and WebSocket',
    labelNames: ['operation'],
    registers,
  })
  for (const caller of CALLERS) limited.inc({ caller }, 0)
  for (const type of OPERATIONS) operations.inc({ type }, 0)
  return {
    answered({ method: given, route: pattern, status, tookMs }) {
      const method = oneOf(METHODS, given, 'other')
      const route = pattern ?? 'unknown'
      requests.inc({ method, route, status: status === null ? 'none' : `${Math.floor(status / 100)}xx` })
      if (tookMs !== null && method !== 'other') times.observe({ method, route }, secondsOf(tookMs))
    },
    rateLimited: caller => limited.inc({ caller }),
    atTheDoor(now) {
      busy.set(now.busy)
      waiting.set(now.waiting)
      overloads.reset()
      overloads.inc(now.refused)
    },
    operated: type => operations.inc({ type }),
    subscribed(operation) {
      subscriptions.inc({ operation })
      return () => subscriptions.dec({ operation })
    },
  }
}
