import type { Sql } from '../sql.ts'
import { NOBODYS_SINCE } from './leases.ts'

/** What happened to messages and connections, counted by the hour: written by the clock's call, and read. */

/** A time of whole hours, in buckets of so many seconds. */
export interface Span {
  start: Date
  end: Date
  bucketSeconds: number
}

export interface MessageFigures {
  sent: number
  delivered: number
  read: number
  failed: number
  received: number
}

/** So many events of an instance are looked at in one statement: by who counts, and by who reads what is not counted yet. */
const COUNTED_MAX = 5000
const READ_MAX = 1000
const INSTANCES_MAX = 100

const reached = (state: string) => `count(*) filter (where type in ('message.status', 'message.created')
  and (data->>'status' = '${state}' or '${state}' = any(passed)))`

const COUNTS = `${reached('sent')} as sent, ${reached('delivered')} as delivered, ${reached('read')} as read,
  ${reached('failed')} as failed, count(*) filter (where type = 'message.received') as received`

const IS_COUNTED = `type in ('message.status', 'message.created', 'message.received')`
const IS_FAILURE = `type = 'message.status' and data->>'status' = 'failed'`
const WHY = `coalesce(data->'error'->>'code', 'failed'), coalesce(data->'error'->>'message', 'The message was not sent.')`

/** Of one instance after its mark: the events come in the order of their commits, and none before it comes later. */
const eventsAfter = (instance: string, { mark, limit }: { mark: string; limit: number }) => `lateral (
  select seq, type, data, passed, created_at, date_trunc('hour', created_at, 'UTC') as hour from event
  where event.instance_id = ${instance} and seq > ${mark} order by seq limit ${limit}) as e`

/** So many failures of an instance are kept of what is counted in one statement. */
const FAILURES_MAX = 20

/**
 * Counts what has happened since the marks, and moves the marks, in one statement: after whatever ends it, an event is
 * counted once or will be. Instances that another process counts are left to it, and so is one that is being deleted:
 * its row is locked first, as by who deletes. Answers for how many instances there was something.
 */
export async function rollUpMessages(sql: Sql): Promise<number> {
  // In one order: two that make the same marks wait for each other's.
  await sql.query(
    `insert into rollup_mark (instance_id) select instance.id from event_counter counter
       join instance on instance.id = counter.instance_id
     where not exists (select from rollup_mark mark where mark.instance_id = counter.instance_id)
     order by counter.instance_id for key share of instance skip locked
     on conflict do nothing`,
    [],
    'insert-rollup-marks',
  )
  const [row] = await sql.query<{ moved: number }>(
    `with behind as (
       select mark.instance_id, instance.tenant_id, mark.seq, counter.last_seq
       from rollup_mark mark join event_counter counter on counter.instance_id = mark.instance_id
         join instance on instance.id = mark.instance_id
       where counter.last_seq > mark.seq order by mark.instance_id limit ${INSTANCES_MAX}
       for key share of instance skip locked for no key update of mark skip locked),
     news as (
       select behind.tenant_id, behind.instance_id, e.*
       from behind cross join ${eventsAfter('behind.instance_id', { mark: 'behind.seq', limit: COUNTED_MAX })}),
     counted as (
       insert into message_rollup as kept (tenant_id, instance_id, hour, sent, delivered, read, failed, received)
       select tenant_id, instance_id, hour, ${COUNTS} from news where ${IS_COUNTED}
       group by tenant_id, instance_id, hour order by instance_id, hour
       on conflict (instance_id, hour) do update set sent = kept.sent + excluded.sent,
         delivered = kept.delivered + excluded.delivered, read = kept.read + excluded.read,
         failed = kept.failed + excluded.failed, received = kept.received + excluded.received),
     told as (
       insert into recent_error (tenant_id, instance_id, at, category, code, message)
       select tenant_id, instance_id, created_at, 'messages', ${WHY} from (
         select *, row_number() over (partition by instance_id order by seq desc) as place from news where ${IS_FAILURE}) as f
       where place <= ${FAILURES_MAX}),
     moved as (
       update rollup_mark mark set seq = coalesce(last.seq, behind.last_seq)
       from behind left join (select instance_id, max(seq) as seq from news group by instance_id) as last
         on last.instance_id = behind.instance_id
       where mark.instance_id = behind.instance_id returning 1)
     select count(*)::int as moved from moved`,
    [],
    'roll-up-messages',
  )
  return row!.moved
}

/** What of the tenant's events is not counted yet. */
const NEWS = `news as (
  select instance.tenant_id, instance.id as instance_id, e.*
  from instance join event_counter counter on counter.instance_id = instance.id
    left join rollup_mark mark on mark.instance_id = instance.id
    cross join ${eventsAfter('instance.id', { mark: 'coalesce(mark.seq, 0)', limit: READ_MAX })}
  where instance.tenant_id = $1 and counter.last_seq > coalesce(mark.seq, 0))`

/** Both parts in one statement, which sees one moment: nothing is in neither of them, or in both. */
const FIGURES = `with ${NEWS},
  figures as (
    select instance_id, hour, sent, delivered, read, failed, received from message_rollup
    where tenant_id = $1 and hour >= $2 and hour < $3
    union all
    select instance_id, hour, ${COUNTS} from news where ${IS_COUNTED} and hour >= $2 and hour < $3
    group by instance_id, hour)`

const SUMS = `sum(sent)::float8 as sent, sum(delivered)::float8 as delivered, sum(read)::float8 as read,
  sum(failed)::float8 as failed, sum(received)::float8 as received`

/** Of a bucket, counted from the first; `hour` is an expression. */
const BUCKET = `floor(extract(epoch from hour - $2::timestamptz) / $4::int)::int`

export type Bucketed<Figures> = Figures & { bucket: number }

/** Without the buckets in which nothing happened; of all the tenant's instances, or of one. */
export function messageFigures(
  sql: Sql,
  of: Span & { tenantId: string; instanceId: string | null },
): Promise<Bucketed<MessageFigures>[]> {
  const given = [of.tenantId, of.start, of.end, of.bucketSeconds]
  if (of.instanceId === null) {
    return sql.query(`${FIGURES} select ${BUCKET} as bucket, ${SUMS} from figures group by 1`, given, 'message-figures')
  }
  return sql.query(
    `${FIGURES} select ${BUCKET} as bucket, ${SUMS} from figures where instance_id = $5 group by 1`,
    [...given, of.instanceId],
    'message-figures-of-instance',
  )
}

export interface InstanceFigures extends MessageFigures {
  id: string
  name: string
  state: string
  lastError: string | null
  stateAt: Date
  /** Since when nobody runs it, whatever its state says; null: somebody does, or it is not known. */
  nobodysSince: Date | null
  createdAt: Date
  /** Of connections that have ended. */
  uptimeMs: number
  reconnects: number
}

/** Each instance of the tenant, newest first, with what happened to it. */
export function instanceFigures(
  sql: Sql,
  of: Pick<Span, 'start' | 'end'> & { tenantId: string; limit: number },
): Promise<InstanceFigures[]> {
  return sql.query(
    `${FIGURES},
     messages as (select instance_id, ${SUMS} from figures group by instance_id),
     connections as (
       select instance_id, sum(uptime_ms)::float8 as uptime_ms, sum(reconnects)::float8 as reconnects from connection_rollup
       where tenant_id = $1 and hour >= $2 and hour < $3 group by instance_id)
     select id, name, state, last_error as "lastError", state_at as "stateAt", ${NOBODYS_SINCE} as "nobodysSince", created_at as "createdAt",
       coalesce(sent, 0) as sent, coalesce(delivered, 0) as delivered, coalesce(read, 0) as read,
       coalesce(failed, 0) as failed, coalesce(received, 0) as received,
       coalesce(uptime_ms, 0) as "uptimeMs", coalesce(reconnects, 0) as reconnects
     from instance left join instance_lease lease on lease.instance_id = instance.id
       left join messages on messages.instance_id = instance.id
       left join connections on connections.instance_id = instance.id
     where tenant_id = $1 order by id desc limit $4`,
    [of.tenantId, of.start, of.end, of.limit],
    'instance-figures',
  )
}

/** How many instances of the tenant are in each state. */
export function instanceStates(sql: Sql, tenantId: string): Promise<{ state: string; count: number }[]> {
  return sql.query(
    'select state, count(*)::int as count from instance where tenant_id = $1 group by state',
    [tenantId],
    'instance-states',
  )
}

/** How often a connection could not be made, or was lost. */
export async function connectionFailures(
  sql: Sql,
  of: Pick<Span, 'start' | 'end'> & { tenantId: string },
): Promise<number> {
  const [row] = await sql.query<{ failures: number }>(
    `select coalesce(sum(failures), 0)::float8 as failures from connection_rollup
     where tenant_id = $1 and hour >= $2 and hour < $3`,
    [of.tenantId, of.start, of.end],
    'connection-failures',
  )
  return row!.failures
}

export interface RecentError {
  at: Date
  category: 'api' | 'messages' | 'webhooks' | 'connections'
  code: string
  message: string
  instanceId: string | null
}

/** Newest first; without those of webhooks, which are deliveries. */
export function recentErrors(
  sql: Sql,
  of: Pick<Span, 'start' | 'end'> & { tenantId: string; limit: number },
): Promise<RecentError[]> {
  return sql.query(
    `with ${NEWS}
     (select at, category, code, message, instance_id as "instanceId" from recent_error
      where tenant_id = $1 and at >= $2 and at < $3 order by at desc limit $4)
     union all
     (select created_at, 'messages', ${WHY}, instance_id from news
      where ${IS_FAILURE} and created_at >= $2 and created_at < $3 order by created_at desc limit $4)
     order by at desc limit $4`,
    [of.tenantId, of.start, of.end, of.limit],
    'recent-errors',
  )
}

export type Rollup = 'message_rollup' | 'webhook_rollup' | 'connection_rollup' | 'api_rollup'

/** Deletes what is from before `before`, a bounded number at a time; answers how many rows went. */
export async function tidyRollup(sql: Sql, table: Rollup, of: { before: Date; limit: number }): Promise<number> {
  const rows = await sql.query(
    `delete from ${table} where ctid = any(array(select ctid from ${table} where hour < $1 order by hour limit $2))
     returning 1 as one`,
    [of.before, of.limit],
    `tidy-${table}`,
  )
  return rows.length
}

/** Leaves the newest `keep` of each tenant; answers how many rows went. */
export async function tidyRecentErrors(sql: Sql, of: { keep: number; limit: number }): Promise<number> {
  const rows = await sql.query(
    `delete from recent_error where id in (
       select id from (select id, row_number() over (partition by tenant_id order by at desc, id desc) as place
         from recent_error) as placed where place > $1 limit $2)
     returning 1 as one`,
    [of.keep, of.limit],
    'tidy-recent-errors',
  )
  return rows.length
}
