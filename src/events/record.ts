import type { Clock } from '../clock.ts'
import { EVENT_ROWS, type NewEvent, WRITTEN_EVENT, type WrittenEvent } from '../db/queries/event-rows.ts'
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

/** An event before it is written: what a statement needs of it, and what is told of it afterwards. */
export interface Draft<Type extends EventType = EventType, Subject = unknown> {
  row: NewEvent
  event: Omit<HouseEvent<Type, Subject>, 'seq' | 'webhooks'>
}

/** As part of what is traced now. */
export function draftOf<Type extends EventType, Subject>(
  clock: Clock,
  { passed = [], type, tenantId, instanceId, about, data, subject }: Fact<Type, Subject>,
): Draft<Type, Subject> {
  const event = { id: newId('evt'), at: clock.now(), type, tenantId, instanceId, about, data, subject, passed }
  const { chat_id: chat = '' } = data as { chat_id?: string }
  const { id, at } = event
  return { event, row: { id, type, data: JSON.stringify(data), at, about, chat, passed, trace: activeTrace() } }
}

/** Hand it to `bus.publish` once its transaction has committed. */
export const recordedOf = <Type extends EventType, Subject>(
  { event }: Draft<Type, Subject>,
  { seq, webhooks }: WrittenEvent,
): HouseEvent<Type, Subject> => ({ ...event, seq: Number(seq), webhooks })

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
  const { webhookId = null, waiting } = fact
  const draft = draftOf(clock, fact)
  const { id, type, data, at, about, chat, passed, trace } = draft.row
  const [row] = await sql.query<WrittenEvent>(
    RECORD,
    [
      id,
      fact.tenantId,
      fact.instanceId,
      type,
      data,
      at,
      about,
      chat,
      webhookId,
      passed.length > 0 ? passed : null,
      trace,
      waiting?.by ?? 0,
      waiting?.by === 1 ? waiting.max : 0,
    ],
    'record-event',
  )
  if (!row && waiting?.by === 1) throw queueFull(waiting.max)
  return recordedOf(draft, row!)
}

/** Of those that were written with it. */
export const deliveryIds = ({ id, webhooks }: HouseEvent): string[] =>
  webhooks.map((_, i) => `del_${id.slice(4)}${String.fromCharCode(97 + i)}`)

const RECORD = `with counter as (
    insert into event_counter as kept (instance_id, last_seq, waiting) values ($3, 1, greatest(0, $12::int))
    on conflict (instance_id) do update set last_seq = kept.last_seq + 1, waiting = greatest(0, kept.waiting + $12)
    where $12 < 1 or kept.waiting < $13::int returning last_seq),
  fact as (
    select $1::text as event_id, $2::text as tenant_id, $3::text as instance_id, $4::text as type, $5::jsonb as data,
      $6::timestamptz as at, $7::text as about, $8::text as chat, $9::text as webhook_id, $10::text[] as passed,
      $11::text as trace, last_seq as seq
    from counter),
  ${EVENT_ROWS}
  select ${WRITTEN_EVENT} from fact`
