import type { EntityManager } from '@mikro-orm/postgresql'
import type { Clock } from './clock.ts'
import type { Config } from './config.ts'
import type { Database } from './db/open.ts'
import { unauthorized } from './errors.ts'
import type { Bus } from './events/bus.ts'
import type { Lanes } from './resolvers/messages/lanes.ts'
import type { SandboxControl } from './sandbox/sandbox.ts'
import type { Secrets } from './secrets.ts'
import type { Log } from './telemetry/log.ts'
import type { Network, WhatsApp } from './whatsapp/whatsapp.ts'

/** Lives as long as the process. */
export interface App {
  config: Config
  clock: Clock
  log: Log
  secrets: Secrets
  db: Database
  bus: Bus
  whatsapp: WhatsApp
  /** What is between the database and WhatsApp's ack. */
  lanes: Lanes
  /** Where an instance's WhatsApp is. Null: the sandbox is off. */
  networks: { ordinary: Network; sandbox: Network | null }
  /** Null: off. */
  sandbox: SandboxControl | null
  /** Work that goes on after an answer: awaited at shutdown, its failure logged. */
  background: (what: string, work: Promise<unknown>) => void
}

/** Who calls, once their credentials are known to be good. */
export interface Caller {
  tenantId: string
  /** `key_…` */
  apiKeyId: string
}

/** One caller, one request, one `em`. */
export interface Context extends App {
  em: EntityManager
  caller: Caller | null
  requestId: string
  /** Facts for headers, in domain words; only `rest/headers.ts` knows header names. */
  facts: Facts
}

export interface Facts {
  /** Seconds after which the caller may try again. */
  retryAfterSeconds?: number
}

/** The caller's tenant, or 401. */
export function tenantOf(ctx: Context): string {
  if (!ctx.caller) throw unauthorized()
  return ctx.caller.tenantId
}
