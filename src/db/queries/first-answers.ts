import type { Sql } from '../sql.ts'

/** The first answer to each Idempotency-Key. Times are those of the database: clocks of nodes differ. */

export interface Claim {
  tenantId: string
  key: string
  /** Of the call that has it. */
  claimedBy: string
}

export interface NewClaim extends Claim {
  fingerprint: Uint8Array
  claimMs: number
  keepMs: number
}

export interface FirstAnswer {
  /** Ours now: nobody else runs it. */
  claimed: boolean
  /** Of the request that has the key; null when that one came at this very moment: ask again. */
  fingerprint: Buffer | null
  result: Buffer | null
  /** The call that has it has no answer yet, as far as its claim says. */
  underWay: boolean
  /** Until its claim ends. */
  leftMs: number | null
}

/** The row is written, and locked, only when it can be had: who waits for the first call never holds it up. */
export async function claimFirstAnswer(sql: Sql, claim: NewClaim): Promise<FirstAnswer> {
  const [row] = await sql.query<FirstAnswer>(
    `with seen as (select * from first_answer where tenant_id = $1 and key = $2),
     claimed as (
       insert into first_answer as kept (tenant_id, key, fingerprint, claimed_by, claimed_until, created_at, expires_at)
       select $1, $2, $4::bytea, $3, now() + $5 * interval '1 ms', now(), now() + $6 * interval '1 ms'
       where not exists (
         select from seen where expires_at > now()
           and (fingerprint <> $4::bytea or result is not null or claimed_until > now()))
       on conflict (tenant_id, key) do update set fingerprint = excluded.fingerprint, result = null,
         claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until, created_at = excluded.created_at,
         expires_at = excluded.expires_at
       where kept.expires_at <= now()
         or (kept.fingerprint = excluded.fingerprint and kept.result is null and kept.claimed_until <= now())
       returning true as claimed)
     select claimed.claimed is not null as claimed, fingerprint, result,
       claimed_by is not null and claimed_until > now() as "underWay",
       (extract(epoch from claimed_until - now()) * 1000)::float8 as "leftMs"
     from (select) as asked left join seen on true left join claimed on true`,
    [claim.tenantId, claim.key, claim.claimedBy, claim.fingerprint, claim.claimMs, claim.keepMs],
    'claim-first-answer',
  )
  return row!
}

/** False: the claim is another's by now, and nothing was written. Locks the row: nobody takes it over meanwhile. */
export async function keepFirstAnswer(
  sql: Sql,
  { tenantId, key, claimedBy }: Claim,
  kept: { result: Uint8Array; claimMs: number },
): Promise<boolean> {
  const rows = await sql.query(
    `update first_answer set result = $4, claimed_until = now() + $5 * interval '1 ms'
     where tenant_id = $1 and key = $2 and claimed_by = $3 returning 1 as one`,
    [tenantId, key, claimedBy, kept.result, kept.claimMs],
    'keep-first-answer',
  )
  return rows.length > 0
}

/** The call has its answer: whoever waits may have it too. */
export async function finishFirstAnswer(sql: Sql, claim: Claim, result: Uint8Array): Promise<void> {
  await sql.query(
    `update first_answer set result = $4, claimed_by = null where tenant_id = $1 and key = $2 and claimed_by = $3`,
    [claim.tenantId, claim.key, claim.claimedBy, result],
    'finish-first-answer',
  )
}

/** The call has failed: what it committed stays, and otherwise the key is free again. */
export async function releaseFirstAnswer(sql: Sql, { tenantId, key, claimedBy }: Claim): Promise<void> {
  await sql.query(
    `with released as (
       delete from first_answer where tenant_id = $1 and key = $2 and claimed_by = $3 and result is null)
     update first_answer set claimed_by = null
     where tenant_id = $1 and key = $2 and claimed_by = $3 and result is not null`,
    [tenantId, key, claimedBy],
    'release-first-answer',
  )
}
