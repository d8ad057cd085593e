import type { Sql } from '../sql.ts'
import { EVENT_ROWS, type NewEvent, WRITTEN_EVENT, type WrittenEvent } from './event-rows.ts'
import { MESSAGE_COLUMNS, type MessageRow } from './messages.ts'
import { trailWith } from './trail.ts'

/** What WhatsApp answers to messages: read without a lock, and written where nothing has come between. */

export interface ReadRow extends MessageRow {
  /** Another one after each change of the row. */
  version: string
}

/** The outbound messages of these WhatsApp ids, as they are now. */
export function readSent(sql: Sql, instanceId: string, whatsappIds: readonly string[]): Promise<ReadRow[]> {
  return sql.query<ReadRow>(
    `select ${MESSAGE_COLUMNS}, message.xmin::text as version from message join chat on chat.id = message.chat
     where message.instance_id = $1 and message.whatsapp_id = any($2) and direction = 'outbound' order by message.id`,
    [instanceId, whatsappIds],
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

/**
 * Moves messages of one instance on and writes the events of it: all, or nothing where one of them, or the name of its
 * chat, is not as it was read. Locks in the order of all others: messages by their ids, then the counter.
 */
export async function takeAnswers(
  sql: Sql,
  { tenantId, instanceId, moves, settled, events }: Moving,
): Promise<WrittenEvent[] | null> {
  const rows = await sql.query<WrittenEvent>(
    `with wanted as (
       select * from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[]) as wanted (id, version, chat_id, status, steps)),
     locked as (
       select message.id from wanted join message on message.id = wanted.id join chat on chat.id = message.chat
       where message.instance_id = $1 and message.xmin::text = version
         and coalesce(chat.group_jid, chat.phone, chat.lid) = chat_id
       order by message.id for update of message),
     ready as (select where (select count(*) from locked) = cardinality($2::text[])),
     moved as (
       update message set status = wanted.status, error_code = null, error_message = null, next_attempt_at = null,
         trail = ${trailWith('steps')}
       from wanted, ready where message.instance_id = $1 and message.id = wanted.id),
     counter as (
       insert into event_counter as kept (instance_id, last_seq) select $1, $7 from ready
       on conflict (instance_id) do update set last_seq = kept.last_seq + $7, waiting = greatest(0, kept.waiting - $8::int)
       returning last_seq),
     fact as (
       select event_id, $9::text as tenant_id, $1 as instance_id, type, data, at, about, chat, null::text as webhook_id,
         string_to_array(passed, ' ') as passed, trace, last_seq - $7 + place as seq
       from counter, unnest($10::text[], $11::text[], $12::jsonb[], $13::timestamptz[], $14::text[], $15::text[], $16::text[], $17::text[])
         with ordinality as told (event_id, type, data, at, about, chat, passed, trace, place)),
     ${EVENT_ROWS}
     select ${WRITTEN_EVENT} from fact order by fact.seq`,
    [
      instanceId,
      moves.map(move => move.id),
      moves.map(move => move.version),
      moves.map(move => move.chatId),
      moves.map(move => move.status),
      moves.map(move => move.steps),
      events.length,
      settled,
      tenantId,
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
  return rows.length > 0 ? rows : null
}

export interface Moving {
  tenantId: string
  instanceId: string
  moves: Move[]
  /** How many of them are pending no more. */
  settled: number
  events: NewEvent[]
}
