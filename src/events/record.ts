import type { Clock } from '../clock.ts'
import type { Sql } from '../db/sql.ts'
import { queueFull } from '../errors.ts'
import { newId } from '../ids.ts'
import { activeTrace } from '../telemetry/trace.ts'
import type { EventData, EventType, HouseEvent } from './catalogue.ts'

export interface Fact<Type extends EventType, Subject> {
  type: Type
  tenantId: string
  instanceId: string
  about: string
  data: EventData[Type]
  subject: Subject
  /** The one webhook that it goes to, whatever that has asked for. Left out: to all that have asked for its type. */
  webhookId?: string
  /** States that were skipped on the way to the one that `data` tells. */
  passed?: readonly string[]
  /** With it one message more waits to be sent, of so many at most, or one less. */
  waiting?: { by: 1; max: number } | { by: -1 }
}

/**
 * Writes the event and its deliveries in the caller's transaction, as its last statement but the commit: from here on the
 * instance's other events wait, so that `seq` rises in the order of the commits. Hand the result to `bus.publish` once
 * that has happened. Rejects with `queue_full`, and has written nothing, where one more would be too many.
 */
export async function record<Type extends EventType, Subject>(
  sql: Sql,
  clock: Clock,
  fact: Fact<Type, Subject>,
): Promise<HouseEvent<Type, Subject>> {
  const { webhookId = null, passed = [], waiting, ...of } = fact
  const event = { id: newId('evt'), at: clock.now(), ...of }
  // What goes to one webhook about one chat goes in order.
  const { chat_id: chat = '' } = event.data as { chat_id?: string }
  const [row] = await sql.query<{ seq: string; webhooks: string[] }>(
    RECORD,
    [
      event.id,
      event.tenantId,
      event.instanceId,
      event.type,
      JSON.stringify(event.data),
      event.at,
      event.about,
      chat,
      webhookId,
      passed.length > 0 ? passed : null,
      activeTrace(),
      waiting?.by ?? 0,
      waiting?.by === 1 ? waiting.max : 0,
    ],
    'record-event',
  )
  if (!row && waiting?.by === 1) throw queueFull(waiting.max)
  return { ...event, passed, seq: Number(row!.seq), webhooks: row!.webhooks }
}

/** Of those that were written with it. */
export const deliveryIds = ({ id, webhooks }: HouseEvent): string[] =>
  webhooks.map((_, i) => `del_${id.slice(4)}${String.fromCharCode(97 + i)}`)

/**
 * A delivery's id is its event's with the place of its webhook: sorted as they were made. Its first try is due at once;
 * the counter's row is ours by then, so that the times rise with `seq`. An event outlives its deliveries, which are kept
 * for 30 days.
 */
const RECORD = `with counter as (
    insert into event_counter as kept (instance_id, last_seq, waiting) values ($3, 1, greatest(0, $12::int))
    on conflict (instance_id) do update set last_seq = kept.last_seq + 1, waiting = greatest(0, kept.waiting + $12)
    where $12 < 1 or kept.waiting < $13::int returning last_seq),
  hook as (
    select id, row_number() over (order by id) as place from webhook
    where instance_id = $3 and active and deleted_at is null and (case when $9::text is null then $4 = any(events) else id = $9 end)),
  made as (
    insert into event (id, tenant_id, instance_id, type, data, created_at, about, passed, trace, seq, kept_until)
    select $1, $2, $3, $4, $5::jsonb, $6::timestamptz, $7, $10::text[], $11, last_seq,
      $6::timestamptz + case when exists (select from hook) then interval '31 days' else interval '7 days' end
    from counter returning seq),
  delivery as (
    insert into webhook_delivery (id, tenant_id, instance_id, webhook_id, event_id, event, seq, chat)
    select 'del_' || substr($1, 5) || chr(96 + place::int), $2, $3, hook.id, $1, $4, seq, $8 from hook, made
    returning webhook_id)
  select seq, array(select webhook_id from delivery) as webhooks from made`
