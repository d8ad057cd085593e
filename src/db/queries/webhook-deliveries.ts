import type { Sql } from '../sql.ts'
import { olderThan } from './keyset.ts'
import type { Try } from './webhook-outbox.ts'

/** What callers see of deliveries, and ask to be sent again. */

export type DeliveryStatus = 'pending' | 'delivered' | 'failed'

export interface DeliveryRow {
  id: string
  webhookId: string
  instanceId: string
  eventId: string
  event: string
  status: DeliveryStatus
  attempts: number
  tries: Try[]
  error: string | null
  nextAttemptAt: Date | null
  createdAt: Date
  finishedAt: Date | null
}

const COLUMNS = `d.id, d.webhook_id as "webhookId", d.instance_id as "instanceId", d.event_id as "eventId", d.event, d.status,
  d.attempts, d.tries, d.error, d.next_attempt_at as "nextAttemptAt", d.created_at as "createdAt",
  d.finished_at as "finishedAt"`

export interface WebhookOf {
  tenantId: string
  instanceId: string
  webhookId: string
}

/** Newest first. */
export function listDeliveries(
  sql: Sql,
  of: WebhookOf & { status: DeliveryStatus | null; event: string | null; after: string | null; limit: number },
): Promise<DeliveryRow[]> {
  return sql.query(
    `select ${COLUMNS} from webhook_delivery d
     where tenant_id = $1 and instance_id = $2 and webhook_id = $3 and ${olderThan('id', '$4')}
       and ($5::text is null or status = $5) and ($6::text is null or event = $6)
     order by id desc limit $7`,
    [of.tenantId, of.instanceId, of.webhookId, of.after, of.status, of.event, of.limit],
    // Its filters are part of the plan: one that is kept would not use the index of those that failed.
  )
}

/** In no order. */
export function deliveriesByIds(
  sql: Sql,
  of: { tenantId: string; instanceId: string; ids: string[] },
): Promise<DeliveryRow[]> {
  return sql.query(
    `select ${COLUMNS} from webhook_delivery d where (tenant_id = $1) is not false and (instance_id = $2) is not false and id = any($3)`,
    [of.tenantId, of.instanceId, of.ids],
    'deliveries-by-ids',
  )
}

/** With what it carries; `data` is JSON, null when the event is gone. */
export async function findDelivery(
  sql: Sql,
  of: { tenantId: string; instanceId: string; deliveryId: string },
): Promise<(DeliveryRow & { url: string; at: Date | null; data: string | null }) | null> {
  const [row] = await sql.query<DeliveryRow & { url: string; at: Date | null; data: string | null }>(
    `select ${COLUMNS}, webhook.url, event.created_at as at, event.data::text as data
     from webhook_delivery d join webhook on webhook.id = d.webhook_id and webhook.deleted_at is null
       left join event on event.id = d.event_id
     where (d.tenant_id = $1) is not false and (d.instance_id = $2) is not false and d.id = $3`,
    [of.tenantId, of.instanceId, of.deliveryId],
    'find-delivery',
  )
  return row ?? null
}

/** Due now, with all its tries before it; one that is due already stays as it is. Null: there is none. */
export async function replayOne(
  sql: Sql,
  of: { tenantId: string; instanceId: string; deliveryId: string },
): Promise<DeliveryRow | null> {
  const [row] = await sql.query<DeliveryRow>(
    `update webhook_delivery d set status = 'pending', finished_at = null,
       attempts = case when next_attempt_at <= clock_timestamp() then attempts else 0 end,
       error = case when next_attempt_at <= clock_timestamp() then error end,
       next_attempt_at = least(next_attempt_at, clock_timestamp())
     where (tenant_id = $1) is not false and (instance_id = $2) is not false and id = $3 returning ${COLUMNS}`,
    [of.tenantId, of.instanceId, of.deliveryId],
    'replay-one',
  )
  return row ?? null
}

export interface Range extends WebhookOf {
  /** All from `since` on and before `until`. */
  since: Date
  until: Date
  /** Only those that failed; otherwise what was delivered, too. */
  failedOnly: boolean
  /** The last one of a call before. */
  after: string | null
  limit: number
}

/**
 * Oldest first: their ids in order. What is pending is on its way already. All are due in one moment, so that their order
 * is that of the events.
 */
export async function replayRange(sql: Sql, of: Range): Promise<string[]> {
  const rows = await sql.query<{ id: string }>(
    `update webhook_delivery d set status = 'pending', attempts = 0, error = null, finished_at = null,
       next_attempt_at = statement_timestamp()
     from (select id from webhook_delivery where tenant_id = $1 and instance_id = $2 and webhook_id = $3
       and created_at >= $4 and created_at < $5 and id > coalesce($7::text, '')
       and (status = 'failed' or (not $6 and status = 'delivered'))
       order by id limit $8 for no key update) as was
     where d.id = was.id and d.status <> 'pending' returning d.id`,
    [of.tenantId, of.instanceId, of.webhookId, of.since, of.until, of.failedOnly, of.after, of.limit],
  )
  return rows.map(row => row.id).sort()
}
