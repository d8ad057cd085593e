import type { Waiting } from '../../telemetry/metrics/queues.ts'
import type { Sql } from '../sql.ts'
import { NODE_STATE } from './nodes.ts'

/** What all nodes share, for the operator: the only statement that is made for their figures. */

export interface SharedFigures {
  instances: Record<string, number> | null
  nodes: Record<string, number> | null
  connected: Waiting
  unconnected: Waiting
  deliveries: Waiting
  letters: Waiting
  media: Waiting
}

/** No more of each queue are counted: its length is then this, and how long the oldest waits says the rest. */
const COUNTED_MAX = 100_000

const waiting = (rows: string, only = 'true'): string =>
  `(select json_build_object('count', count(*) filter (where ${only}), 'oldestSeconds',
     extract(epoch from clock_timestamp() - min(since) filter (where ${only}))::float8) from ${rows})`

/** Since when a delivery waits: one that is sent again, since then; or, once it was tried, since the first of those tries. */
const ASKED_FOR = `case when attempts = 0 then next_attempt_at
  when jsonb_array_length(tries) > attempts then (tries -> -attempts ->> 'at')::timestamptz else created_at end`

/** Each queue is read by the index of what waits, in its order, and never the table. */
export async function readSharedFigures(sql: Sql): Promise<SharedFigures> {
  const [row] = await sql.query<SharedFigures>(
    `with outbox as (
       select pending.created_at as since, instance.state = 'connected' as connected from (
         select instance_id, created_at from message where status = 'pending' order by expires_at limit $1) as pending
       join instance on instance.id = pending.instance_id),
     deliveries as (
       select ${ASKED_FOR} as since from webhook_delivery where status = 'pending' order by webhook_id, next_attempt_at, seq limit $1),
     letters as (
       select created_at as since from mail where expires_at > clock_timestamp() limit $1),
     files as (
       select created_at as since from media where next_attempt_at is not null order by next_attempt_at limit $1)
     select
       (select json_object_agg(state, count) from (
          select state, count(*) as count from instance group by state) as by_state) as instances,
       (select json_object_agg(state, count) from (
          select ${NODE_STATE} as state, count(*) as count from node group by 1) as by_state) as nodes,
       ${waiting('outbox', 'connected')} as connected, ${waiting('outbox', 'not connected')} as unconnected,
       ${waiting('deliveries')} as deliveries, ${waiting('letters')} as letters, ${waiting('files')} as media`,
    [COUNTED_MAX],
    'read-shared-figures',
  )
  return row!
}
