import type { Sql } from '../sql.ts'
import { EVENT_ROWS, type NewEvent, WRITTEN_EVENT, type WrittenEvent } from './event-rows.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'
import { trailWith } from './trail.ts'

/** What WhatsApp answers to messages, of many instances at once: read without a lock, and written where nothing has come between. */

export interface ReadRow extends MessageRow {
  /** Another one after each change of the row. */
  version: string
}

export interface Named {
  instanceId: string
  whatsappId: string
}

/** The outbound messages of these names, each given once, as they are now. */
export function readSent(sql: Sql, named: readonly Named[]): Promise<ReadRow[]> {
  return sql.query<ReadRow>(
    `select ${MESSAGE_COLUMNS}, message.xmin::text as version
     from unnest($1::text[], $2::text[]) as named (instance_id, whatsapp_id)
       join message on message.instance_id = named.instance_id and message.whatsapp_id = named.whatsapp_id
       join chat on chat.id = message.chat
     where direction = 'outbound' order by message.id`,
    [named.map(({ instanceId }) => instanceId), named.map(({ whatsappId }) => whatsappId)],
    'look-at-sent',
  )
}

export interface Move {
  id: string
  version: string
  /** The name of its chat, as the events tell it. */
  chatId: string
  status: string
  /** For its trail. */
  steps: string
}

/** Of one instance. */
export interface Moving {
  instanceId: string
  moves: Move[]
  /** How many of them are pending no more. */
  settled: number
  events: NewEvent[]
}

/**
 * Moves messages on and writes the events of it: of each instance all, or nothing where one of its messages, or the name of
 * a chat, is not as it was read, or somebody else holds it. Answers the events of those that were written, by instance. Locks
 * in the order of all others: the instances, the messages, then the counters; each kind by id, so that two of these cannot wait
 * for each other. For a counter it waits so long at most, null: as long as any statement; then all of it fails.
 */
export async function takeAnswers(
  sql: Sql,
  all: readonly Moving[],
  waitMs: number | null,
): Promise<Map<string, WrittenEvent[]>> {
  const moves = all.flatMap(({ instanceId, moves }) => moves.map(move => ({ instanceId, ...move })))
  const events = all.flatMap(({ instanceId, events }) => events.map(event => ({ instanceId, ...event })))
  const rows = await sql.query<WrittenEvent & { instanceId: string }>(
    `with patience as (select set_config('lock_timeout', $1, true) as ms),
     owner as (
       select instance.id, instance.tenant_id from patience, instance join tenant on tenant.id = tenant_id
       where instance.id = any($2) order by instance.id for key share of instance, tenant skip locked),
     wanted as (
       select * from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
         as wanted (instance_id, id, version, chat_id, status, steps)),
     locked as (
       select message.id, owner.id as instance_id, owner.tenant_id from owner join wanted on wanted.instance_id = owner.id
         join message on message.id = wanted.id and (message.instance_id = owner.id) is not false join chat on chat.id = message.chat
       where message.xmin::text = version and coalesce(chat.group_jid, chat.phone, chat.lid) = chat_id
       order by message.id for no key update of message skip locked),
     whole as (
       select wanted.instance_id, min(tenant_id) as tenant_id from wanted left join locked using (instance_id, id)
       group by wanted.instance_id having count(locked.id) = count(*)),
     ready as (
       select whole.instance_id, whole.tenant_id from whole join event_counter using (instance_id)
       order by instance_id for no key update of event_counter),
     moved as (
       update message set status = wanted.status, error_code = null, error_message = null, next_attempt_at = null,
         trail = ${trailWith('steps')}
       from ready join wanted using (instance_id)
       where (message.instance_id = ready.instance_id) is not false and message.id = wanted.id),
     counter as (
       update event_counter set last_seq = last_seq + grown.events, waiting = greatest(0, waiting - settled)
       from ready join unnest($2::text[], $9::int[], $10::int[]) as grown (instance_id, events, settled) using (instance_id)
       where event_counter.instance_id = ready.instance_id
       returning ready.instance_id, tenant_id, last_seq - grown.events as before),
     fact as (
       select event_id, tenant_id, instance_id, type, data, at, about, chat, null::text as webhook_id,
         string_to_array(passed, ' ') as passed, trace,
         before + row_number() over (partition by instance_id order by nth) as seq, nth
       from counter join unnest($11::text[], $12::text[], $13::text[], $14::jsonb[], $15::timestamptz[], $16::text[], $17::text[],
           $18::text[], $19::text[])
         with ordinality as told (instance_id, event_id, type, data, at, about, chat, passed, trace, nth) using (instance_id)),
     ${EVENT_ROWS}
     select instance_id as "instanceId", ${WRITTEN_EVENT} from fact order by nth`,
    [
      String(waitMs ?? 0),
      all.map(({ instanceId }) => instanceId),
      moves.map(move => move.instanceId),
      moves.map(move => move.id),
      moves.map(move => move.version),
      moves.map(move => move.chatId),
      moves.map(move => move.status),
      moves.map(move => move.steps),
      all.map(({ events }) => events.length),
      all.map(({ settled }) => settled),
      events.map(event => event.instanceId),
      events.map(event => event.id),
      events.map(event => event.type),
      events.map(event => event.data),
      events.map(event => event.at),
      events.map(event => event.about),
      events.map(event => event.chat),
      events.map(event => (event.passed.length > 0 ? event.passed.join(' ') : null)),
      events.map(event => event.trace),
    ],
    'take-answers',
  )
  return Map.groupBy(rows, row => row.instanceId)
}
