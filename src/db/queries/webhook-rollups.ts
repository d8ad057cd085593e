import type { Sql } from '../sql.ts'
import type { Bucketed, Span } from './rollups.ts'

/** What became of deliveries, counted by the hour in the statement that writes it down, and read. */

/**
 * A common table expression that counts what another one has written: each end once, and each try after the first. With
 * `tenant_id, instance_id, webhook_id, status, attempts, finished_at, tried_at`. It names the tenant_id and instance_id.
 */
export const deliveriesRolled = (written: string): string =>
  `ends as (
     select tenant_id, instance_id, webhook_id, date_trunc('hour', finished_at, 'UTC') as hour,
       (status = 'delivered')::integer as delivered, (status = 'failed')::integer as failed, 0 as retried
     from ${written} where finished_at is not null
     union all
     select tenant_id, instance_id, webhook_id, date_trunc('hour', tried_at::timestamptz, 'UTC'), 0, 0, 1
     from ${written} where attempts > 1),
   rolled as (
     insert into webhook_rollup as kept (tenant_id, instance_id, webhook_id, hour, delivered, failed, retried)
     select tenant_id, instance_id, webhook_id, hour, sum(delivered), sum(failed), sum(retried) from ends
     group by tenant_id, instance_id, webhook_id, hour order by webhook_id, hour
     on conflict (webhook_id, hour) do update set delivered = kept.delivered + excluded.delivered,
       failed = kept.failed + excluded.failed, retried = kept.retried + excluded.retried)`

export interface DeliveryFigures {
  delivered: number
  failed: number
  retried: number
}

/** Without the buckets in which nothing happened. */
export function deliveryFigures(sql: Sql, of: Span & { tenantId: string }): Promise<Bucketed<DeliveryFigures>[]> {
  return sql.query(
    `select floor(extract(epoch from hour - $2::timestamptz) / $4::int)::int as bucket,
       sum(delivered)::float8 as delivered, sum(failed)::float8 as failed, sum(retried)::float8 as retried
     from webhook_rollup where tenant_id = $1 and hour >= $2 and hour < $3 group by 1`,
    [of.tenantId, of.start, of.end, of.bucketSeconds],
    'delivery-figures',
  )
}

/** How many deliveries wait or are under way; no more than `max` are counted. */
export async function countPending(sql: Sql, of: { tenantId: string; max: number }): Promise<number> {
  const [row] = await sql.query<{ count: number }>(
    `select count(*)::int as count from (
       select from webhook join webhook_delivery d on d.webhook_id = webhook.id and d.status = 'pending'
       where webhook.tenant_id = $1 and deleted_at is null limit $2) as pending`,
    [of.tenantId, of.max],
    'count-pending-deliveries',
  )
  return row!.count
}

export interface FailedDelivery {
  deliveryId: string
  webhookId: string
  instanceId: string
  eventId: string
  url: string
  statusCode: number | null
  error: string | null
  attempts: number
  at: Date
}

/** Those that failed of what was made from the id `from` on and before `to`, newest first. */
export function failedDeliveries(
  sql: Sql,
  of: { tenantId: string; from: string; to: string; limit: number },
): Promise<FailedDelivery[]> {
  return sql.query(
    `select d.id as "deliveryId", webhook.id as "webhookId", webhook.instance_id as "instanceId",
       d.event_id as "eventId", url, (d.tries->-1->>'statusCode')::int as "statusCode", d.error, d.attempts,
       d.finished_at as at
     from webhook cross join lateral (
       select * from webhook_delivery where webhook_id = webhook.id and status = 'failed' and id >= $2 and id < $3
       order by id desc limit $4) as d
     where webhook.tenant_id = $1 and deleted_at is null order by d.id desc limit $4`,
    [of.tenantId, of.from, of.to, of.limit],
    'failed-deliveries',
  )
}
