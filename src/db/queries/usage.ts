import type { Sql } from '../sql.ts'

/** What the count goes by: it counts only while the tenant still has this plan and this anchor. */
export interface Terms {
  plan: string
  anchor: Date
}

export interface Count extends Terms {
  tenantId: string
  instanceId: string
  messageId: string
  cycleStart: Date
  cycleEnd: Date
  /** Null: without a limit. */
  included: number | null
}

export interface Counted extends Terms {
  /** After this one. Null: nothing was counted, as the terms are others or all is used. */
  used: number | null
}

/**
 * Counts one message, or none, and marks it with the cycle in which it was. Calls at one time wait for each other at the row and then see what it holds: nobody
 * counts twice from the same number. Null: there is no such tenant.
 */
export async function countMessage(sql: Sql, count: Count): Promise<Counted | null> {
  const [row] = await sql.query<Counted>(
    `with account as (
       select id, plan, coalesce(cycle_anchor, created_at) as anchor from tenant where id = $1),
     counted as (
       insert into usage as kept (tenant_id, cycle_start, cycle_end, used)
       select id, $2, $3, 1 from account where plan = $4 and anchor = $5 and ($6::int is null or $6 > 0)
       on conflict (tenant_id, cycle_start) do update set used = kept.used + 1
       where $6::int is null or kept.used < $6
       returning used),
     marked as (
       update message set counted_in = $2 from counted where (message.instance_id = $7) is not false and message.id = $8)
     select plan, anchor, counted.used from account left join counted on true`,
    [
      count.tenantId,
      count.cycleStart,
      count.cycleEnd,
      count.plan,
      count.anchor,
      count.included,
      count.instanceId,
      count.messageId,
    ],
    'count-message',
  )
  return row ?? null
}

/** Gives back what was counted for messages of an instance that were not sent, and now never will be. */
export async function uncountPending(sql: Sql, of: { tenantId: string; instanceId: string }): Promise<void> {
  await sql.query(
    `with waiting as (
       select counted_in from message
       where tenant_id = $1 and instance_id = $2 and status = 'pending' and counted_in is not null order by id for update),
     given as (select counted_in, count(*)::int as back from waiting group by counted_in)
     update usage set used = greatest(0, used - back) from given
     where tenant_id = $1 and cycle_start = given.counted_in`,
    [of.tenantId, of.instanceId],
    'uncount-pending',
  )
}

/** Null: there is no such tenant. */
export async function findTerms(sql: Sql, tenantId: string): Promise<Terms | null> {
  const [row] = await sql.query<Terms>(
    'select plan, coalesce(cycle_anchor, created_at) as anchor from tenant where id = $1',
    [tenantId],
    'find-terms',
  )
  return row ?? null
}

export async function uncountMessage(sql: Sql, tenantId: string, cycleStart: Date): Promise<void> {
  await sql.query(
    'update usage set used = used - 1 where tenant_id = $1 and cycle_start = $2 and used > 0',
    [tenantId, cycleStart],
    'uncount-message',
  )
}

export async function findUsed(sql: Sql, tenantId: string, cycleStart: Date): Promise<number> {
  const [row] = await sql.query<{ used: number }>(
    'select used from usage where tenant_id = $1 and cycle_start = $2',
    [tenantId, cycleStart],
    'find-used',
  )
  return row?.used ?? 0
}
