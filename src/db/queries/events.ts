import type { Sql } from '../sql.ts'

/** The statements of the event table, but for the one that writes it. */

export interface EventRow {
  id: string
  tenantId: string
  instanceId: string
  type: string
  about: string
  seq: number
  at: Date
  data: Record<string, unknown>
}

/** The place of an event among those of its instance; null when it is not there, or from before `since`. */
export async function seqOf(
  sql: Sql,
  of: { tenantId: string; instanceId: string; eventId: string; since: Date },
): Promise<number | null> {
  const [row] = await sql.query<{ seq: string }>(
    'select seq from event where (tenant_id = $1) is not false and (instance_id = $2) is not false and id = $3 and created_at >= $4',
    [of.tenantId, of.instanceId, of.eventId, of.since],
    'seq-of-event',
  )
  return row ? Number(row.seq) : null
}

/** How many events instances have had: the `seq` of the newest. */
export async function eventCounts(
  sql: Sql,
  of: { tenantId: string; instanceIds: readonly string[] },
): Promise<{ instanceId: string; count: number }[]> {
  const rows = await sql.query<{ instanceId: string; count: string }>(
    `select instance.id as "instanceId", coalesce(last_seq, 0) as count
     from instance left join event_counter on instance_id = instance.id
     where tenant_id = $1 and instance.id = any($2)`,
    [of.tenantId, of.instanceIds],
    'event-counts',
  )
  return rows.map(row => ({ ...row, count: Number(row.count) }))
}

/** The counts of the newest events of these instances. */
export async function newestCounts(
  sql: Sql,
  instanceIds: readonly string[],
): Promise<{ instanceId: string; seq: number }[]> {
  const rows = await sql.query<{ instanceId: string; seq: string }>(
    'select instance_id as "instanceId", last_seq as seq from event_counter where instance_id = any($1)',
    [instanceIds],
    'newest-counts',
  )
  return rows.map(row => ({ ...row, seq: Number(row.seq) }))
}

/** Of one instance, whoever's it is, oldest first. */
export async function eventsAfter(
  sql: Sql,
  of: { instanceId: string; seq: number; limit: number },
): Promise<EventRow[]> {
  const rows = await sql.query<EventRow & { seq: string }>(
    `select id, tenant_id as "tenantId", instance_id as "instanceId", type, about, seq, created_at as at, data
     from event where instance_id = $1 and seq > $2 order by seq limit $3`,
    [of.instanceId, of.seq, of.limit],
    'events-after',
  )
  return rows.map(row => ({ ...row, seq: Number(row.seq) }))
}

/** In the order of their commits, from the first after `seq` and not from before `since`; of all types for null. */
export async function listEvents(
  sql: Sql,
  of: {
    tenantId: string
    instanceId: string
    seq: number
    types: readonly string[] | null
    since: Date
    limit: number
  },
): Promise<EventRow[]> {
  const rows = await sql.query<EventRow & { seq: string }>(
    `select id, tenant_id as "tenantId", instance_id as "instanceId", type, about, seq, created_at as at, data
     from event where tenant_id = $1 and instance_id = $2 and seq > $3 and ($4::text[] is null or type = any($4))
       and created_at >= $5
     order by seq limit $6`,
    [of.tenantId, of.instanceId, of.seq, of.types, of.since, of.limit],
    'list-events',
  )
  return rows.map(row => ({ ...row, seq: Number(row.seq) }))
}

/** Deletes events that were to be kept until before `before`, a bounded number at a time; answers how many. */
export async function tidyEvents(sql: Sql, before: Date, limit: number): Promise<number> {
  const rows = await sql.query(
    'delete from event where ctid in (select ctid from event where kept_until < $1 order by kept_until limit $2) returning 1 as one',
    [before, limit],
    'tidy-events',
  )
  return rows.length
}
