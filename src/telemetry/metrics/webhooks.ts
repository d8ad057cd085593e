import { Counter, Histogram, type Registry } from 'prom-client'
import { PATIENT, secondsOf } from './seconds.ts'

/** An answer by its class, or why there is none. */
const OUTCOMES = [
  '1xx',
  '2xx',
  '3xx',
  '4xx',
  '5xx',
  'timeout',
  'connection',
  'tls',
  'not_resolved',
  'address_refused',
  'aborted',
] as const
const REASONS = ['gone', 'failing'] as const

type Outcome =
  | { kind: 'answered'; statusCode: number }
  | { kind: 'failed'; code: Exclude<(typeof OUTCOMES)[number], `${number}xx`> }

export interface WebhookMetrics {
  tried(outcome: Outcome): void
  /** A receiver has taken an event, so long after it happened. */
  delivered(tookMs: number): void
  disabled(reason: (typeof REASONS)[number]): void
}

export function webhookMetrics(registry: Registry): WebhookMetrics {
  const registers = [registry]
  const attempts = new Counter({
    name: 'wataki_webhook_attempts_total',
    help: 'Requests to receivers of webhooks, by the class of the answer or by why there was none',
    labelNames: ['outcome'],
    registers,
  })
  const lag = new Histogram({
    name: 'wataki_webhook_delivery_seconds',
    help: 'From an event to the receiver that took it, what was sent again by hand left out',
    buckets: PATIENT,
    registers,
  })
  const disabled = new Counter({
    name: 'wataki_webhooks_disabled_total',
    help: 'Webhooks that were deactivated because their receiver takes nothing, by why',
    labelNames: ['reason'],
    registers,
  })
  for (const outcome of OUTCOMES) attempts.inc({ outcome }, 0)
  for (const reason of REASONS) disabled.inc({ reason }, 0)
  return {
    tried: outcome => attempts.inc({ outcome: outcome.kind === 'failed' ? outcome.code : classOf(outcome.statusCode) }),
    delivered: tookMs => lag.observe(secondsOf(tookMs)),
    disabled: reason => disabled.inc({ reason }),
  }
}

/** A receiver may answer with any number of three digits. */
function classOf(statusCode: number): (typeof OUTCOMES)[number] {
  const first = Math.min(5, Math.max(1, Math.floor(statusCode / 100)))
  return `${first}xx` as (typeof OUTCOMES)[number]
}
