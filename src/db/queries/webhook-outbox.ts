import type { Sql } from '../sql.ts'
import { deliveriesRolled } from './webhook-rollups.ts'

/**
 * What is to be delivered: the rows of `webhook_delivery` that are `pending`. All times are the database's: several
 * processes deliver, and their clocks differ.
 */

export interface ClaimedWebhook {
  tenantId: string
  instanceId: string
  url: string
  /** Sealed. */
  secret: Uint8Array
  /** Sealed; null: there is none, or it signs no more. */
  previousSecret: Uint8Array | null
}

export interface DueDelivery {
  id: string
  /** Ends of earlier tries since it was last asked for. */
  attempts: number
  /** It was tried before it was last asked for. */
  isReplay: boolean
  chat: string
  eventId: string
  event: string
  /** `data` is JSON, as every try carries it. Null: the event is not there any more. */
  carried: { at: Date; data: string } | null
  /** The `traceparent` of what recorded the event. */
  trace: string | null
}

type ClaimedRow = ClaimedWebhook &
  Omit<DueDelivery, 'id' | 'carried'> & { claimedMs: number; id: string | null; at: Date | null; data: string | null }

export interface Claim {
  webhookId: string
  /** The process. Nobody else delivers to this webhook until the claim ends. */
  owner: string
  claimMs: number
  enoughMs: number
  /** Those that the owner has in hand. */
  inHand: string[]
  limit: number
}

/**
 * Takes the webhook and what is due for it, oldest first. Null: another process has it, or it takes nothing. What is
 * claimed is the webhook and not its deliveries: its order holds with one process at a time, and none of them is written
 * for it; nor is the webhook while it stays claimed for `enoughMs`. `claimedMs` is how long it is from the call at least.
 */
export async function claimWebhook(
  sql: Sql,
  claim: Claim,
): Promise<{ webhook: ClaimedWebhook; claimedMs: number; due: DueDelivery[] } | null> {
  const rows = await sql.query<ClaimedRow>(
    `with held as (
       select * from webhook where id = $1 and active and deleted_at is null
         and claimed_by = $2 and claimed_until >= clock_timestamp() + $6 * interval '1 ms'),
     taken as (
       update webhook set claimed_by = $2, claimed_until = clock_timestamp() + $3 * interval '1 ms'
       where id = $1 and active and deleted_at is null and not exists (select from held)
         and (claimed_by = $2 or claimed_until is null or claimed_until <= clock_timestamp())
       returning *),
     hook as (select * from held union all select * from taken),
     due as (
       select id, attempts, jsonb_array_length(tries) > attempts as replay, chat, event_id, event, next_attempt_at, seq
       from webhook_delivery
       where webhook_id = $1 and status = 'pending' and next_attempt_at <= statement_timestamp() and id <> all($4::text[])
         and exists (select from hook)
       order by next_attempt_at, seq limit $5)
     select hook.tenant_id as "tenantId", hook.instance_id as "instanceId", hook.url, hook.secret,
       case when previous_until > clock_timestamp() then previous_secret end as "previousSecret",
       (extract(epoch from hook.claimed_until - clock_timestamp()) * 1000)::float8 as "claimedMs", due.id, due.attempts,
       due.replay as "isReplay", due.chat,
       due.event_id as "eventId", due.event, event.created_at as at, event.data::text as data, event.trace
     from hook left join due on true left join event on event.id = due.event_id and (event.instance_id = hook.instance_id) is not false
     order by due.next_attempt_at, due.seq`,
    [claim.webhookId, claim.owner, claim.claimMs, claim.inHand, claim.limit, claim.enoughMs],
    'claim-webhook',
  )
  const [first] = rows
  if (!first) return null
  const due = rows.flatMap(({ id, at, data, ...row }) =>
    id === null ? [] : [{ ...row, id, carried: at && data !== null ? { at, data } : null }],
  )
  return { webhook: first, claimedMs: first.claimedMs, due }
}

/** One try, as it is kept. */
export interface Try {
  at: string
  /** The server that made it; not of those from before it was written down. */
  node?: string
  durationMs: number
  statusCode: number | null
  error: string | null
  /** The beginning of the answer's body. */
  response: string | null
}

export interface TriedDelivery {
  id: string
  /** As they were before this try. */
  attempts: number
  status: 'pending' | 'delivered' | 'failed'
  /** Until the next try, of what is pending. */
  waitMs: number
  made: Try
}

/** So many of the last tries are kept. */
export const TRIES_MAX = 20

/**
 * Writes down what came of tries of one webhook. One that was tried elsewhere meanwhile, or asked for anew, is left as it
 * is. `failingSince`: since when nothing was taken, null when something was. The instance is locked first, as by who
 * deletes it.
 */
export async function recordTries(
  sql: Sql,
  of: { instanceId: string; webhookId: string; tried: TriedDelivery[] },
): Promise<{ written: Set<string>; failingMs: number | null }> {
  const { tried } = of
  const rows = await sql.query<{ id: string | null; failingMs: number | null }>(
    `with owner as (select tenant_id from instance where id = $1 for key share),
     tried as (
       select * from unnest($3::text[], $4::int[], $5::text[], $6::float8[], $7::text[], $8::text[])
         as t (id, attempts, status, wait_ms, made, error)),
     written as (
       update webhook_delivery d set status = tried.status, attempts = d.attempts + 1, error = tried.error,
         tries = (case when jsonb_array_length(d.tries) >= ${TRIES_MAX} then d.tries - 0 else d.tries end) || tried.made::jsonb,
         next_attempt_at = case when tried.status = 'pending' then clock_timestamp() + tried.wait_ms * interval '1 ms' end,
         finished_at = case when tried.status <> 'pending' then clock_timestamp() end
       from tried, owner where d.id = tried.id and (d.instance_id = $1) is not false and (d.webhook_id = $2) is not false
         and (d.status = 'pending') is not false and d.attempts = tried.attempts
       returning d.id, owner.tenant_id, d.instance_id, d.webhook_id, d.status, d.attempts, d.finished_at,
         tried.made::jsonb->0->>'at' as tried_at),
     ${deliveriesRolled('written')},
     hook as (
       update webhook set failing_since = case when $9 then null else clock_timestamp() end
       where instance_id = $1 and id = $2 and (failing_since is null) <> $9 returning failing_since)
     select written.id,
       case when not $9 then extract(epoch from clock_timestamp() -
         coalesce((select failing_since from hook), webhook.failing_since)) * 1000 end::float8 as "failingMs"
     from webhook left join written on true where webhook.instance_id = $1 and webhook.id = $2`,
    [
      of.instanceId,
      of.webhookId,
      tried.map(each => each.id),
      tried.map(each => each.attempts),
      tried.map(each => each.status),
      tried.map(each => each.waitMs),
      tried.map(each => JSON.stringify([each.made])),
      tried.map(each => each.made.error),
      tried.some(each => each.status === 'delivered'),
    ],
    'record-tries',
  )
  return {
    written: new Set(rows.flatMap(row => row.id ?? [])),
    failingMs: rows[0]?.failingMs ?? null,
  }
}

/** Others need not wait for the end of the claims of a process that delivers no more. */
export async function releaseWebhooks(sql: Sql, owner: string): Promise<void> {
  await sql.query(
    'update webhook set claimed_until = clock_timestamp() where claimed_by = $1 and claimed_until > clock_timestamp()',
    [owner],
    'release-webhooks',
  )
}

/** Each webhook that has something pending, found without reading what is: one step along the index for each. */
const withPending = (after = "''"): string => `with recursive pending as (
    (select webhook_id from webhook_delivery where status = 'pending' and webhook_id > ${after} order by webhook_id limit 1)
    union all
    select (select webhook_id from webhook_delivery where status = 'pending' and webhook_id > pending.webhook_id
      order by webhook_id limit 1) from pending where pending.webhook_id is not null)`

/** Webhooks to which something can be delivered now, so many of those after one of them. */
export function webhooksWithDue(
  sql: Sql,
  of: { owner: string; after: string; limit: number },
): Promise<{ webhookId: string; tenantId: string }[]> {
  return sql.query(
    `${withPending('$3')}
     select webhook.id as "webhookId", webhook.tenant_id as "tenantId" from pending join webhook on webhook.id = pending.webhook_id cross join lateral (
       select from webhook_delivery where webhook_id = webhook.id and status = 'pending'
         and next_attempt_at <= statement_timestamp() order by next_attempt_at limit 1) as due
     where active and deleted_at is null
       and (claimed_by = $1 or claimed_until is null or claimed_until <= clock_timestamp()) order by webhook.id limit $2`,
    [of.owner, of.limit, of.after],
    'webhooks-with-due',
  )
}

/** What waits for a webhook that takes nothing any more fails, a bounded number at a time; answers how many did. */
export async function failInactive(sql: Sql, of: { error: string; limit: number }): Promise<number> {
  const rows = await sql.query(
    `${withPending()},
     left_over as (
       select d.id from pending join webhook on webhook.id = pending.webhook_id
         join instance on instance.id = webhook.instance_id cross join lateral (
         select id from webhook_delivery where webhook_id = webhook.id and status = 'pending'
         order by next_attempt_at limit $2) as d
       where not active and webhook.deleted_at is null limit $2 for key share of instance skip locked),
     ended as (
       update webhook_delivery d set status = 'failed', next_attempt_at = null, finished_at = clock_timestamp(), error = $1
       from left_over where d.id = left_over.id and (d.status = 'pending') is not false
       returning d.tenant_id, d.instance_id, d.webhook_id, d.status, 0 as attempts, d.finished_at, null as tried_at),
     ${deliveriesRolled('ended')}
     select 1 as one from ended`,
    [of.error, of.limit],
    'fail-inactive',
  )
  return rows.length
}

/** Deliveries of webhooks that are deleted, a bounded number at a time, and then the webhooks; answers how many went. */
export async function tidyDeletedWebhooks(sql: Sql, limit: number): Promise<number> {
  const rows = await sql.query(
    `delete from webhook_delivery where id in (
       select d.id from webhook cross join lateral (
         select id from webhook_delivery where webhook_id = webhook.id limit $1) as d
       where deleted_at is not null limit $1) returning 1 as one`,
    [limit],
    'tidy-deleted-deliveries',
  )
  if (rows.length === 0) {
    await sql.query(
      `delete from webhook where deleted_at is not null
         and not exists (select from webhook_delivery where webhook_id = webhook.id)`,
      [],
      'tidy-deleted-webhooks',
    )
  }
  return rows.length
}

/** Deletes what was made before `before`, a bounded number at a time; answers how many. */
export async function tidyDeliveries(sql: Sql, before: Date, limit: number): Promise<number> {
  const rows = await sql.query(
    `delete from webhook_delivery where ctid in (
       select ctid from webhook_delivery where created_at < $1 order by created_at limit $2) returning 1 as one`,
    [before, limit],
    'tidy-deliveries',
  )
  return rows.length
}
