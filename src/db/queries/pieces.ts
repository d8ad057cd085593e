import type { Sql } from '../sql.ts'

/** What an instance has most of, deleted in pieces; each answers how many rows went. */

interface Piece {
  tenantId: string
  instanceId: string
  limit: number
}

export async function deleteEvents(sql: Sql, of: Piece): Promise<number> {
  const rows = await sql.query(
    `delete from event where ctid in (select ctid from event where tenant_id = $1 and instance_id = $2 limit $3)
     returning 1 as one`,
    [of.tenantId, of.instanceId, of.limit],
    'delete-events',
  )
  return rows.length
}

export async function deleteDeliveries(sql: Sql, of: Piece): Promise<number> {
  const rows = await sql.query(
    `delete from webhook_delivery where id in (
       select d.id from webhook cross join lateral (
         select id from webhook_delivery where webhook_id = webhook.id limit $3) as d
       where tenant_id = $1 and instance_id = $2 limit $3) returning 1 as one`,
    [of.tenantId, of.instanceId, of.limit],
    'delete-deliveries',
  )
  return rows.length
}

/** Those that are not pending; what is about one of them goes with it. */
export async function deleteMessages(sql: Sql, of: Piece): Promise<number> {
  const rows = await sql.query(
    `delete from message where id in (
       select id from message where tenant_id = $1 and instance_id = $2 and status <> 'pending' limit $3)
     returning 1 as one`,
    [of.tenantId, of.instanceId, of.limit],
    'delete-messages',
  )
  return rows.length
}
