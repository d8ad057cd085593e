import type { Sql } from '../sql.ts'
import type { ChatNames, ChatRow } from './chats.ts'
import { EVENT_ROWS, type NewEvent, WRITTEN_EVENT, type WrittenEvent } from './event-rows.ts'
import type { Sender } from './instances.ts'
import type { NewMessage } from './messages.ts'
import type { Terms } from './usage.ts'

/** A message that is accepted for a chat that exists: one statement, where what was known before it still holds. */

export interface Way extends Sender {
  /** Null: there is none by this name. */
  chat: ChatRow | null
}

/** Who sends, and the chat of a jid. Null: the tenant has no such instance. */
export async function findWay(
  sql: Sql,
  of: { tenantId: string; instanceId: string; jid: string },
): Promise<Way | null> {
  const column = of.jid.endsWith('@lid') ? 'lid' : of.jid.endsWith('@s.whatsapp.net') ? 'phone' : 'group_jid'
  const [row] = await sql.query<Sender & ChatNames & { id: string | null }>(
    `select instance.state, instance.phone_number as "phoneNumber", chat.id, group_jid as "groupJid", phone, chat.lid
     from instance left join chat on chat.instance_id = instance.id and chat.${column} = $3
     where instance.tenant_id = $1 and instance.id = $2`,
    [of.tenantId, of.instanceId, of.jid],
    `find-way-by-${column}`,
  )
  if (!row) return null
  const { state, phoneNumber, id, ...names } = row
  return { state, phoneNumber, chat: id === null ? null : { id, ...names } }
}

export interface Accepting {
  message: NewMessage & { content: Record<string, unknown> }
  chat: ChatRow
  event: NewEvent
  /** How many messages of the instance may wait. */
  max: number
  terms: Terms
  cycleStart: Date
  /** Null: without a limit. */
  included: number | null
}

/**
 * Stores the message with all that belongs to it: its chat's time, its event, its place among those that wait and in the
 * quota. All of it, or nothing where something is not as it is given here, or no room: then null. Locks in the order of all
 * others: the instance, the chat, the counter, and last what is every sender's of the tenant.
 */
export async function acceptMessage(
  sql: Sql,
  { message, chat, event, max, terms, cycleStart, included }: Accepting,
): Promise<(WrittenEvent & { used: number }) | null> {
  const [row] = await sql.query<WrittenEvent & { used: number }>(
    `with place as (
       select tenant_id from instance join tenant on tenant.id = tenant_id
       where instance.id = $1 and plan = $2 and coalesce(cycle_anchor, tenant.created_at) = $3
       for key share of instance, tenant),
     own_chat as (
       select place.tenant_id from place, chat
       where (chat.instance_id = $1) is not false and chat.id = $4 and group_jid is not distinct from $5 and phone is not distinct from $6
         and lid is not distinct from $7
       for no key update of chat),
     own_counter as (
       select own_chat.tenant_id from own_chat, event_counter where instance_id = $1 and waiting < $8
       for no key update of event_counter),
     ready as (
       select usage.tenant_id from own_counter, usage
       where usage.tenant_id = own_counter.tenant_id and cycle_start = $9 and ($10::int is null or used < $10)
       for no key update of usage),
     stored as (
       insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content, timestamp,
         created_at, quoted_message_id, mentions, media_id, payload, next_attempt_at, expires_at, trail, trace, counted_in)
       select $11, tenant_id, $1, $12, $4, $13, 'outbound', $14, 'pending', $15, $16, $16, $17, $18, $19, $20, $16, $21, $22, $23, $9
       from ready),
     touched as (
       update chat set last_message_at = greatest(last_message_at, $16), unread_count = 0 from ready
       where (chat.instance_id = $1) is not false and chat.id = $4),
     counter as (
       update event_counter set last_seq = last_seq + 1, waiting = waiting + 1 from ready where instance_id = $1
       returning tenant_id, last_seq),
     counted as (
       update usage set used = used + 1 from ready where usage.tenant_id = ready.tenant_id and cycle_start = $9
       returning used),
     fact as (
       select $24::text as event_id, tenant_id, $1 as instance_id, $25::text as type, $26::jsonb as data,
         $27::timestamptz as at, $11 as about, $28::text as chat, null::text as webhook_id, null::text[] as passed,
         $23 as trace, last_seq as seq
       from counter),
     ${EVENT_ROWS}
     select ${WRITTEN_EVENT}, used from fact, counted`,
    [
      message.instanceId,
      terms.plan,
      terms.anchor,
      chat.id,
      chat.groupJid,
      chat.phone,
      chat.lid,
      max,
      cycleStart,
      included,
      message.id,
      message.whatsappId,
      message.sender,
      message.type,
      JSON.stringify(message.content),
      message.timestamp,
      message.quotedMessageId ?? null,
      message.mentions ?? [],
      message.mediaId ?? null,
      message.payload ?? null,
      message.expiresAt,
      message.trail ?? '',
      message.trace ?? null,
      event.id,
      event.type,
      event.data,
      event.at,
      event.chat,
    ],
    'accept-message',
  )
  return row ?? null
}
