import type { Sql } from '../../src/db/sql.ts'
import type { World } from '../crash/world.ts'

/** What has to agree in the tables of the one tenant of a world, whatever happened. */
export interface Books {
  /** As the quota has it. */
  used: number
  /** Messages accepted and not given back. */
  counted: number
  /** Rows that are there without what is written in the same transaction. */
  halves: string[]
  /** Instances whose events do not count 1, 2, 3 … */
  gaps: string[]
  /** Where what was counted by the hour differs from what the rows say. */
  rollups: string[]
}

export const booksOf = (world: World): Promise<Books> => world.withDatabase(({ sql }) => booksIn(sql))

/** At any time, also amid traffic: each of its questions sees one moment. */
export async function booksIn(sql: Sql): Promise<Books> {
  const [counts] = await sql.query<{ used: number; counted: number }>(
    `select (select coalesce(sum(used), 0)::int from usage) as used,
         (select count(*)::int from message where counted_in is not null and status <> 'failed') as counted`,
  )
  const halves = await sql.query<{ what: string }>(HALVES)
  const gaps = await sql.query<{ id: string }>(
    `select instance_id as id from event group by instance_id
       having min(seq) <> 1 or max(seq) <> count(*) or count(distinct seq) <> count(*)`,
  )
  return {
    ...counts!,
    halves: halves.map(row => row.what),
    gaps: gaps.map(row => row.id),
    rollups: await rollupsAmiss(sql),
  }
}

/** Each of its questions is about one moment, and about what is counted by then. */
export async function rollupsAmiss(sql: Sql): Promise<string[]> {
  const amiss: string[] = []
  for (const question of [BY_HOUR, BY_ROW, OF_DELIVERIES]) {
    const rows = await sql.query<{ what: string }>(question)
    amiss.push(...rows.map(row => row.what))
  }
  return amiss
}

// What the phone itself has sent does not expire.
const HALVES = `
  with outbound as (select * from message where direction = 'outbound' and action_of is null),
    accepted as (select * from outbound where expires_at is not null),
    created as (select about as id, count(*) as times from event where type = 'message.created' group by about)
  select id || ' has no place in the quota' as what from accepted where counted_in is null
  union all
  select coalesce(outbound.id, created.id) || ' has ' || coalesce(times, 0) || ' events, and a row: '
    || (outbound.id is not null) from outbound full join created using (id)
    where times is distinct from 1 or outbound.id is null
  union all
  select id || ' is ' || status || ' without an event' from accepted
    where status <> 'pending' and not exists (
      select from event where type = 'message.status' and about = accepted.id and data->>'status' = accepted.status)
  union all
  select id || ' was received without an event' from message where direction = 'inbound' and not exists (
    select from event where type = 'message.received' and about = message.id)`

/** When each message reached a state first, by its events alone: what was read was sent and delivered, too. */
const reachedUpTo = (mark: string) => `
  told as (
    select event.instance_id, about, event.seq, created_at as at, type, data->>'status' as status
    from event join rollup_mark mark on mark.instance_id = event.instance_id where event.seq <= ${mark}),
  reached as (
    select instance_id, what, (array_agg(at order by seq))[1] as at
    from told join (values ('sent', array['sent', 'delivered', 'read']), ('delivered', array['delivered', 'read']),
      ('read', array['read']), ('failed', array['failed'])) as means (what, statuses) on status = any(statuses)
    where type in ('message.status', 'message.created') group by instance_id, about, what
    union all
    select instance_id, 'received', at from told where type = 'message.received')`

const COUNTS = ['sent', 'delivered', 'read', 'failed', 'received']
const COUNTED = `array[${COUNTS.map(what => `count(*) filter (where what = '${what}')`).join(', ')}]::bigint[]`
const kept = (table: string) => `array[${COUNTS.map(what => `${table}.${what}`).join(', ')}]::bigint[]`

const BY_HOUR = `
  with ${reachedUpTo('mark.seq')},
    recount as (
      select instance_id, date_trunc('hour', at, 'UTC') as hour, ${COUNTED} as counts
      from reached group by 1, 2),
    counted as (
      select instance_id, hour, ${kept('message_rollup')} as counts from message_rollup
      where 0 < any(${kept('message_rollup')}))
  select coalesce(counted.instance_id, recount.instance_id) || ' in ' || coalesce(counted.hour, recount.hour)
    || ' has ' || coalesce(counted.counts::text, 'nothing') || ' and not ' || coalesce(recount.counts::text, 'nothing') as what
  from counted full join recount on recount.instance_id = counted.instance_id and recount.hour = counted.hour
  where counted.counts is distinct from recount.counts`

const BY_ROW = `
  with ${reachedUpTo('event.seq')},
    recount as (select instance_id, ${COUNTED} as counts from reached group by 1),
    rows as (
      select instance_id, array[
        count(*) filter (where direction = 'outbound' and status in ('sent', 'delivered', 'read')),
        count(*) filter (where direction = 'outbound' and status in ('delivered', 'read')),
        count(*) filter (where direction = 'outbound' and status = 'read'),
        count(*) filter (where direction = 'outbound' and status = 'failed'),
        count(*) filter (where direction = 'inbound')]::bigint[] as counts
      from message where action_of is null and instance_id in (select instance_id from rollup_mark) group by 1)
  select rows.instance_id || ' has ' || rows.counts::text || ' by its messages, and by its events '
    || coalesce(recount.counts::text, 'nothing') as what
  from rows left join recount on recount.instance_id = rows.instance_id
  where rows.counts <> coalesce(recount.counts, array[0, 0, 0, 0, 0]::bigint[])`

/** Of deliveries that were asked for once. */
const OF_DELIVERIES = `
  with recount as (
      select webhook_id, array[
        coalesce(sum((select count(*) from jsonb_array_elements(tries) as try where try->>'error' is null)), 0),
        count(*) filter (where status = 'failed'),
        coalesce(sum(greatest(0, jsonb_array_length(tries) - 1)), 0)]::bigint[] as counts
      from webhook_delivery group by 1),
    counted as (
      select webhook_id, array[sum(delivered), sum(failed), sum(retried)]::bigint[] as counts from webhook_rollup group by 1)
  select recount.webhook_id || ' has ' || coalesce(counted.counts::text, 'nothing') || ' and not ' || recount.counts::text as what
  from recount left join counted on counted.webhook_id = recount.webhook_id
  where recount.counts <> coalesce(counted.counts, array[0, 0, 0]::bigint[])`
