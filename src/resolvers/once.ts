import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { deserialize, serialize } from 'node:v8'
import { type App, type Context, type Facts, tenantOf } from '../context.ts'
import { deleteExpired } from '../db/queries/expired.ts'
import {
  type Claim,
  claimFirstAnswer,
  type FirstAnswer,
  finishFirstAnswer,
  keepFirstAnswer,
  releaseFirstAnswer,
} from '../db/queries/first-answers.ts'
import type { Sql } from '../db/sql.ts'
import { idempotencyBusy, idempotencyMismatch, invalid } from '../errors.ts'
import { newId } from '../ids.ts'
import { sha256 } from '../secrets.ts'

/**
 * Idempotency: who asks again with the same key gets the first answer again. Kept is what the operation returned, so
 * that each door renders it in its own way.
 */

/** What an operation that runs under a key has to do with it. */
export interface Once {
  /**
   * Keeps the result, in the transaction that does what it tells of: both are there, or neither. Throws when another
   * call has taken the key over meanwhile, so that the transaction is rolled back.
   */
  keep(sql: Sql, result: unknown): Promise<void>
}

/** What is kept: what the operation returned, and what its headers said of the quota. */
interface Kept<Result> {
  result: Result
  quota: Facts['quota'] | null
}

interface Call {
  field: string
  args: unknown
}

/** No operation of a live process takes longer; what a dead one had claimed waits so long. */
const CLAIM_MS = 20_000
/** What is left to do once the result is committed, such as to wait for an ack. */
const FINISH_MS = 5_000
const KEEP_MS = 24 * 3600 * 1000
const WAIT_MS = 10_000
const PAUSE_MS = { first: 15, most: 400 }

/** Runs the operation, or answers what it answered to the first call with this key. */
export async function once<Result>(
  ctx: Context,
  call: Call,
  run: (ctx: Context) => Promise<Result> | Result,
): Promise<Result> {
  if (ctx.idempotencyKey === null) return run(ctx)
  assertKey(ctx.idempotencyKey)
  const claim: Claim = { tenantId: tenantOf(ctx), key: ctx.idempotencyKey, claimedBy: newId('req') }
  const kept = await claimOrWait(ctx, claim, fingerprintOf(call))
  if (kept) {
    ctx.facts.replayed = true
    const first = deserialize(ctx.secrets.open(kept, placeOf(claim))) as Kept<Result>
    if (first.quota) ctx.facts.quota = first.quota
    return first.result
  }
  const seal = (result: unknown) =>
    ctx.secrets.seal(serialize({ result, quota: ctx.facts.quota ?? null } satisfies Kept<unknown>), placeOf(claim))
  const derived: Context = Object.assign(Object.create(ctx), { once: keeper(claim, seal) })
  let result: Result
  try {
    result = await run(derived)
  } catch (error) {
    // When the database does not answer, the claim ends by itself.
    await releaseFirstAnswer(ctx.db.sql, claim).catch(cause => ctx.log.warn({ err: cause }, 'a key stays claimed'))
    throw error
  }
  await finishFirstAnswer(ctx.db.sql, claim, seal(result))
  return result
}

const keeper = (claim: Claim, seal: (result: unknown) => Uint8Array): Once => ({
  async keep(sql, result) {
    const isOurs = await keepFirstAnswer(sql, claim, { result: seal(result), claimMs: FINISH_MS })
    if (!isOurs) throw idempotencyBusy(1)
  },
})

/** Null: the claim is ours. Otherwise the first result, once the call that has the key is over. */
async function claimOrWait(ctx: Context, claim: Claim, fingerprint: Buffer): Promise<Buffer | null> {
  const deadlineMs = performance.now() + WAIT_MS
  let pauseMs = PAUSE_MS.first
  for (;;) {
    const first = await claimFirstAnswer(ctx.db.sql, { ...claim, fingerprint, claimMs: CLAIM_MS, keepMs: KEEP_MS })
    if (first.claimed) return null
    if (first.fingerprint && !fingerprint.equals(first.fingerprint)) throw idempotencyMismatch()
    if (first.result && !first.underWay) return first.result
    if (performance.now() + pauseMs > deadlineMs) throw idempotencyBusy(leftSeconds(first))
    await ctx.pass.aside(sleep(pauseMs * (0.5 + Math.random() / 2)))
    pauseMs = Math.min(pauseMs * 1.5, PAUSE_MS.most)
  }
}

const leftSeconds = ({ leftMs }: FirstAnswer): number => Math.max(1, (leftMs ?? 0) / 1000)

function assertKey(key: string): void {
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return
  throw invalid({ 'Idempotency-Key': 'must be 1 to 255 characters of printable ASCII' })
}

/** Of what is asked for, whichever door it came through and in whatever order its fields were written. */
export const fingerprintOf = ({ field, args }: Call): Buffer =>
  createHash('sha256')
    .update(`${field} ${JSON.stringify(sorted(args))}`)
    .digest()

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null || value instanceof Date) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([name, each]) => [name, sorted(each)]))
}

/** What a first answer is sealed with. */
export const placeOf = ({ tenantId, key }: Pick<Claim, 'tenantId' | 'key'>): string => firstAnswerPlace(tenantId, key)
export const firstAnswerPlace = (tenantId: string, key: string): string =>
  `first_answer|${tenantId}|${sha256(key).toString('hex')}|result`

const BATCH_MAX = 1000

/** The clock's call: deletes answers that are kept no longer. */
export async function tidyFirstAnswersDue(app: App): Promise<void> {
  const at = { before: app.clock.now(), limit: BATCH_MAX }
  while ((await deleteExpired(app.db.sql, 'first_answer', at)) === BATCH_MAX);
}
