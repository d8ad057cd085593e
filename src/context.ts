import type { EntityManager } from '@mikro-orm/postgresql'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Database } from './db/open.ts'
import type { Delivery } from './delivery/delivery.ts'
import { forbidden, unauthorized } from './errors.ts'
import type { Bus } from './events/bus.ts'
import type { Turnstile } from './http/turnstile.ts'
import type { Mailer } from './mail/mail.ts'
import type { LastUse } from './resolvers/auth/last-use.ts'
import type { Revocations } from './resolvers/auth/revocations.ts'
import type { Ferry } from './resolvers/ferry.ts'
import type { Loaders } from './resolvers/loaders.ts'
import type { Describer } from './resolvers/media/describe.ts'
import type { Fetches } from './resolvers/media/fetches.ts'
import type { Spool } from './resolvers/media/spool.ts'
import type { Lanes } from './resolvers/messages/lanes.ts'
import type { Heard } from './resolvers/messages/take-together.ts'
import type { Asked } from './resolvers/nodes/asked.ts'
import type { Node } from './resolvers/nodes/node.ts'
import type { Relay } from './resolvers/nodes/relay.ts'
import type { Calls } from './resolvers/observability/calls.ts'
import type { Once } from './resolvers/once.ts'
import type { Turns } from './resolvers/turns.ts'
import type { Deliveries } from './resolvers/webhooks/lanes.ts'
import type { SandboxControl } from './sandbox/sandbox.ts'
import type { Secrets } from './secrets.ts'
import type { Storage } from './storage/storage.ts'
import type { Stripe } from './stripe/stripe.ts'
import type { Log } from './telemetry/log.ts'
import type { Metrics } from './telemetry/metrics/metrics.ts'
import type { Network, WhatsApp } from './whatsapp/whatsapp.ts'

/** Lives as long as the process. */
export interface App {
  /** This process among the others on its database: who holds leases. */
  node: Node
  /** The way of words to the others. */
  relay: Relay
  /** Who waits here for what another node was asked. */
  asked: Asked
  config: Config
  clock: Clock
  log: Log
  metrics: Metrics
  secrets: Secrets
  db: Database
  bus: Bus
  whatsapp: WhatsApp
  storage: Storage
  /** Where files are while they come in. */
  spool: Spool
  /** Which files are on their way from WhatsApp. */
  fetches: Fetches
  /** Looks into files. */
  describer: Describer
  /** What is between the database and WhatsApp's ack. */
  lanes: Lanes
  /** Acks and receipts of all instances, on their way into the database. */
  answers: Ferry<Heard, Heard[] | null>
  /** The way to the receivers of webhooks. */
  delivery: Delivery
  /** What is between the database and those receivers. */
  deliveries: Deliveries
  /** Where an instance's WhatsApp is. Null: the sandbox is off. */
  networks: { ordinary: Network; sandbox: Network | null }
  /** Null: off. */
  sandbox: SandboxControl | null
  mail: Mailer
  /** Null: billing is off. */
  stripe: Stripe | null
  /** What is asked of Stripe for one tenant goes one after the other. */
  turns: Turns
  /** Which keys and sessions were used and are not written down yet. */
  lastUse: LastUse
  /** Which calls were made and are not written down yet. */
  calls: Calls
  /** How many requests are worked on at once. */
  turnstile: Turnstile
  /** Tells, in this process, which credentials have just ceased to be good. */
  revocations: Revocations
  /** Work that goes on after an answer: awaited at shutdown, its failure logged. */
  background: (what: string, work: Promise<unknown>) => void
}

/** Who calls, once their credentials are known to be good. */
export interface Caller {
  tenantId: string
  via: { kind: 'key'; apiKeyId: string } | { kind: 'session'; sessionId: string }
}

/** The place of a request among those that are worked on at once. */
export interface Pass {
  /** Gives the place up for as long as it waits for somebody else, who may be slow: WhatsApp, a receiver, another call. */
  aside<T>(wait: Promise<T>): Promise<T>
  /** The same while its caller still sends; what has arrived takes its turn, ahead of those who come new. */
  arrive<T>(wait: Promise<T>): Promise<T>
  leave(): void
}

/** One caller, one request, one `em`. */
export interface Context extends App {
  em: EntityManager
  /** What objects hold, read for many at once. */
  loaders: Loaders
  caller: Caller | null
  /** Whether the operator of this server calls, who is no tenant: `caller` is null then. */
  operator: boolean
  requestId: string
  pass: Pass
  /** The caller's address as far as it can be believed; null when there is none, as for the operator. */
  ip: string | null
  /** What the session cookie holds, good or not. */
  sessionToken: string | null
  /** What the caller sent as Idempotency-Key; null: nothing. */
  idempotencyKey: string | null
  /** Where an operation that may be asked for once keeps its result, in its own transaction. Null: without a key. */
  once: Once | null
  /** Facts for headers and the log, in domain words; only `rest/headers.ts` knows header names. */
  facts: Facts
}

export interface Facts {
  /** The pattern that the path matched. */
  route?: string
  /** The path that was matched does not answer to the request's method. */
  wrongMethod?: boolean
  /** For the log: the root fields that GraphQL ran. */
  operations?: string[]
  /** The error which was answered, or the first of them. */
  refusal?: { code: string; message: string }
  /** The tenant with whose API key the call came, let in or not. */
  keyOf?: string
  /** Seconds after which the caller may try again. */
  retryAfterSeconds?: number
  /** The caller has a new session, or none any more: its cookie is to say so. */
  session?: { token: string; maxAgeSeconds: number } | { cleared: true }
  /** The public side is https: its cookies go nowhere else. */
  secure?: boolean
  /** What is left to who calls. */
  allowance?: Allowance
  /** Of the present cycle, after this call. */
  quota?: { used: number; included: number }
  /** The answer is that of an earlier request with the same Idempotency-Key. */
  replayed?: boolean
  /** The origin of another site's page that may read the answer. */
  sharedWith?: string
}

/** Of requests, in one window. */
export interface Allowance {
  limit: number
  remaining: number
  /** Since 1970. */
  resetsAtSeconds: number
  resetsInSeconds: number
}

/** The caller's tenant, or 401. */
export function tenantOf(ctx: Context): string {
  if (!ctx.caller) throw unauthorized()
  return ctx.caller.tenantId
}

/** Nobody but the operator: 403 for tenants, 401 for strangers. */
export function assertOperator({ operator, caller }: Pick<Context, 'operator' | 'caller'>): void {
  if (operator) return
  throw caller ? forbidden('This is for the operator of this server only') : unauthorized()
}
