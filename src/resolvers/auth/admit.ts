import type { Allowance, App, Caller } from '../../context.ts'
import { type Charged, chargeCaller, deleteOldBuckets } from '../../db/queries/rate-buckets.ts'
import { sha256 } from '../../secrets.ts'
import { wellFormed } from './api-key.ts'
import { isToken } from './token.ts'

/** Credentials → who calls, and what the call costs of their allowance: one question to the database for both. */
export interface Admission {
  caller: Caller
  /** Of the tenant. */
  active: boolean
  /** False: the allowance does not cover it, and nothing was taken. */
  admitted: boolean
  allowance: Allowance
}

export type Credentials = { apiKey: string } | { sessionToken: string }

/** The dashboard looks more often than a program sends, from a bucket of its own. */
const SESSION_FACTOR = 10

/** Whether it can be a credential at all: known without the database. */
export function mayBeGood(credentials: Credentials): boolean {
  return 'apiKey' in credentials ? wellFormed(credentials.apiKey) : isToken(credentials.sessionToken)
}

/** Null: nobody's, or nobody's any more. */
export async function admit(app: App, credentials: Credentials): Promise<Admission | null> {
  const isKey = 'apiKey' in credentials
  const value = sha256(isKey ? credentials.apiKey : credentials.sessionToken)
  const charge = chargeOf(app, isKey, 1)
  const charged = await chargeCaller(app.db.sql, { by: isKey ? 'key-hash' : 'session-hash', value }, charge)
  if (!charged) return null
  const { id, tenantId, tenantStatus } = charged
  if (tenantStatus === 'active') {
    if (isKey) app.lastUse.noteKey(id, app.clock.now())
    else app.lastUse.noteSession(id, app.clock.now())
  }
  const via = isKey ? ({ kind: 'key', apiKeyId: id } as const) : ({ kind: 'session', sessionId: id } as const)
  return admission({ tenantId, via }, charged, charge)
}

/** Further operations of a caller who was admitted before. Null: their credentials are gone since. */
export async function chargeMore(app: App, caller: Caller, tokens: number): Promise<Admission | null> {
  const { via } = caller
  const isKey = via.kind === 'key'
  const charge = chargeOf(app, isKey, tokens)
  const by = isKey ? 'key-id' : 'session-id'
  const charged = await chargeCaller(app.db.sql, { by, value: isKey ? via.apiKeyId : via.sessionId }, charge)
  return charged && admission(caller, charged, charge)
}

/** The clock's call. */
export async function tidyRateBucketsDue(app: App): Promise<void> {
  await deleteOldBuckets(app.db.sql)
}

function chargeOf({ config }: App, isKey: boolean, tokens: number): { tokens: number; limit: number } {
  return { tokens, limit: config.rateLimitPerMinute * (isKey ? 1 : SESSION_FACTOR) }
}

function admission(caller: Caller, charged: Charged, { tokens, limit }: { tokens: number; limit: number }): Admission {
  const { admitted, used, resetsAt, resetsIn } = charged
  // Who is refused one token has none left, whatever was seen before the wait.
  const remaining = !admitted && tokens === 1 ? 0 : Math.max(0, limit - used)
  const allowance = { limit, remaining, resetsAtSeconds: resetsAt, resetsInSeconds: resetsIn }
  return { caller, active: charged.tenantStatus === 'active', admitted, allowance }
}
