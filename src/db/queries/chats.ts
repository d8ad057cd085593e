import { newId } from '../../ids.ts'
import type { Sql } from '../sql.ts'
import { findPair, lockNames } from './contacts.ts'
import { joinNames } from './names.ts'

/**
 * One chat for each counterpart, whichever of its names is used. A group has its jid; a person a phone, a lid, or both.
 * What is shown of chats is read in `chat-lists.ts`; what a phone tells of many at once is kept in `chat-sync.ts`.
 */

export interface ChatNames {
  /** `…@g.us`, and whatever else is no person */
  groupJid: string | null
  /** `…@s.whatsapp.net` */
  phone: string | null
  /** `…@lid` */
  lid: string | null
}

export interface ChatRow extends ChatNames {
  /** `chat_…`, never shown. */
  id: string
}

/** The id under which callers know a chat. */
export const chatIdOf = (names: ChatNames): string => (names.groupJid ?? names.phone ?? names.lid)!

/** The names of a party as a stanza gives them. */
export function namesOf(address: { jid: string; lid: string | null; phone: string | null }): ChatNames {
  const { jid } = address
  const phone = address.phone ?? (jid.endsWith('@s.whatsapp.net') ? jid : null)
  const lid = address.lid ?? (jid.endsWith('@lid') ? jid : null)
  return phone || lid ? { groupJid: null, phone, lid } : { groupJid: jid, phone: null, lid: null }
}

const COLUMNS = 'id, group_jid as "groupJid", phone, lid'
const COLUMN_OF = { groupJid: 'group_jid', phone: 'phone', lid: 'lid' } as const

/** The chat of a jid of any of the three kinds. */
export async function findChat(sql: Sql, instanceId: string, jid: string): Promise<ChatRow | null> {
  const column = jid.endsWith('@lid') ? 'lid' : jid.endsWith('@s.whatsapp.net') ? 'phone' : 'group_jid'
  const [row] = await sql.query<ChatRow>(
    `select ${COLUMNS} from chat where instance_id = $1 and ${column} = $2`,
    [instanceId, jid],
    `find-chat-by-${column}`,
  )
  return row ?? null
}

interface Wanted {
  instanceId: string
  names: ChatNames
  now: Date
}

/**
 * The chat with these names, in the caller's transaction: found or made, with names that were not known added, and two
 * rows of one person made into one. It cannot go away before the transaction ends. Null: the instance is gone.
 */
export async function chatOf(sql: Sql, wanted: Wanted): Promise<ChatRow | null> {
  return (await knownChat(sql, wanted)) ?? nameChat(sql, wanted)
}

/** The one row that has all the names: nothing is to be done but to hold it. */
async function knownChat(sql: Sql, { instanceId, names }: Wanted): Promise<ChatRow | null> {
  const given = (['groupJid', 'phone', 'lid'] as const).filter(name => names[name] !== null)
  const conditions = given.map((name, i) => `${COLUMN_OF[name]} = $${i + 2}`).join(' and ')
  // What is missing a name must not be held here: two transactions that both want to add it would wait for each other.
  const [row] = await sql.query<ChatRow>(
    `select ${COLUMNS} from chat where instance_id = $1 and ${conditions} for key share`,
    [instanceId, ...given.map(name => names[name])],
    `known-chat-${given.join('-')}`,
  )
  return row ?? null
}

/** One at a time for each instance. */
async function nameChat(sql: Sql, asked: Wanted): Promise<ChatRow | null> {
  const { instanceId } = asked
  await lockNames(sql, instanceId)
  const names = { ...asked.names, ...(await findPair(sql, instanceId, asked.names)) }
  const wanted = { ...asked, names }
  // Waits for whoever is about to put a message into one of them; from here on nobody else can.
  const rows = await sql.query<ChatRow>(
    `select ${COLUMNS} from chat where instance_id = $1 and (group_jid = $2 or phone = $3 or lid = $4)
     order by id for update`,
    [instanceId, names.groupJid, names.phone, names.lid],
    'lock-chats-of-names',
  )
  if (names.groupJid !== null) return rows[0] ?? insertChat(sql, wanted)
  const { kept, dropped, bereft } = joinNames(rows, names)
  if (!kept) return insertChat(sql, wanted)
  if (bereft) await setNames(sql, instanceId, bereft)
  if (dropped) await mergeChats(sql, { instanceId, kept: kept.id, dropped: dropped.id })
  await setNames(sql, instanceId, kept)
  return kept
}

async function insertChat(sql: Sql, { instanceId, names, now }: Wanted): Promise<ChatRow | null> {
  const [row] = await sql.query<ChatRow>(
    `insert into chat (id, tenant_id, instance_id, group_jid, phone, lid, created_at)
     select $2, tenant_id, id, $3, $4, $5, $6 from instance where id = $1 returning ${COLUMNS}`,
    [instanceId, newId('chat'), names.groupJid, names.phone, names.lid, now],
    'insert-chat',
  )
  return row ?? null
}

async function setNames(sql: Sql, instanceId: string, chat: ChatRow): Promise<void> {
  await sql.query(
    `update chat set phone = $3, lid = $4 where (instance_id = $1) is not false and id = $2
       and (phone is distinct from $3 or lid is distinct from $4)`,
    [instanceId, chat.id, chat.phone, chat.lid],
    'set-chat-names',
  )
}

/** A message came or went: the chat is as new as that, and what the account itself writes it has seen. */
export async function touchChat(
  sql: Sql,
  touch: { instanceId: string; chat: string; at: Date; direction: 'inbound' | 'outbound' },
): Promise<void> {
  await sql.query(
    `update chat set last_message_at = greatest(last_message_at, $3),
       unread_count = case when $4 then unread_count + 1 else 0 end
     where (instance_id = $1) is not false and id = $2`,
    [touch.instanceId, touch.chat, touch.at, touch.direction === 'inbound'],
    'touch-chat',
  )
}

/** How many of the newest messages of a chat are looked at when the phone says that all of it was seen. */
const SEEN_MAX = 1000

/** The account has seen these inbound messages of the chat, or all of them when none is named. */
export async function markSeen(
  sql: Sql,
  seen: { instanceId: string; chat: string; whatsappIds: string[] },
): Promise<void> {
  const { instanceId, chat, whatsappIds } = seen
  await sql.query(
    'update chat set unread_count = 0 where (instance_id = $1) is not false and id = $2',
    [instanceId, chat],
    'seen-chat',
  )
  await sql.query(
    `update message set status = 'read' from (
       select id from (
         select id, direction, status, whatsapp_id from message
         where (instance_id = $1) is not false and chat = $2 and action_of is null order by id desc limit $4) as newest
       where direction = 'inbound' and status = 'delivered' and (cardinality($3::text[]) = 0 or whatsapp_id = any($3))
       order by id) as seen
     where message.id = seen.id and message.status = 'delivered'`,
    [instanceId, chat, whatsappIds, SEEN_MAX],
    'seen-messages',
  )
}

/** The account has read this message: no more is unread than came after it. */
export async function markSeenUpTo(
  sql: Sql,
  seen: { instanceId: string; chat: string; messageId: string },
): Promise<void> {
  await sql.query(
    `update chat set unread_count = (
       select count(*) from (
         select from message where (instance_id = $1) is not false and chat = $2 and id > $3
           and direction = 'inbound' and action_of is null limit chat.unread_count) as newer)
     where (instance_id = $1) is not false and id = $2 and unread_count > 0`,
    [seen.instanceId, seen.chat, seen.messageId],
    'seen-up-to',
  )
}

interface Merge {
  instanceId: string
  kept: string
  dropped: string
}

/** Moves all that hangs on `dropped` to `kept` and deletes it; both are locked. */
async function mergeChats(sql: Sql, merge: Merge): Promise<void> {
  const { instanceId, kept, dropped } = merge
  await dropDoubles(sql, merge)
  await sql.query(
    'update message set chat = $2 where (instance_id = $1) is not false and chat = $3',
    [instanceId, kept, dropped],
    'move-messages',
  )
  await sql.query(
    `update chat set name = coalesce(chat.name, other.name), unread_count = chat.unread_count + other.unread_count,
       archived = chat.archived and other.archived, pinned_at = coalesce(chat.pinned_at, other.pinned_at),
       muted_until = greatest(chat.muted_until, other.muted_until),
       last_message_at = greatest(chat.last_message_at, other.last_message_at)
     from chat other where chat.instance_id = $1 and chat.id = $2 and other.id = $3`,
    [instanceId, kept, dropped],
    'add-chat',
  )
  await sql.query(
    'delete from chat where (instance_id = $1) is not false and id = $2',
    [instanceId, dropped],
    'delete-chat',
  )
}

/**
 * The same message came under either name. The row that a caller was given the id of stays (it has a payload), else that
 * of the kept chat; what is about the other one is about it from now on.
 */
async function dropDoubles(sql: Sql, { instanceId, kept, dropped }: Merge): Promise<void> {
  const doubles = await sql.query<{ stays: string; goes: string }>(
    `select case when own then other.id else mine.id end as stays, case when own then mine.id else other.id end as goes
     from message mine join message other on other.whatsapp_id = mine.whatsapp_id and other.direction = mine.direction,
       lateral (select mine.payload is null and other.payload is not null as own) of
     where (mine.instance_id = $1) is not false and mine.chat = $2 and other.chat = $3`,
    [instanceId, kept, dropped],
    'find-doubles',
  )
  if (doubles.length === 0) return
  const pairs = [instanceId, doubles.map(double => double.stays), doubles.map(double => double.goes)]
  await sql.query(
    `update message set action_of = stays from unnest($2::text[], $3::text[]) as double (stays, goes)
     where (instance_id = $1) is not false and action_of = goes`,
    pairs,
    'move-actions',
  )
  await sql.query(
    `insert into receipt (message_id, instance_id, reader, status, at)
     select stays, instance_id, reader, status, at from receipt
       join unnest($2::text[], $3::text[]) as double (stays, goes) on message_id = goes
     where instance_id = $1 on conflict do nothing`,
    pairs,
    'move-receipts',
  )
  await sql.query(
    'delete from message where (instance_id = $1) is not false and id = any($2)',
    [instanceId, pairs[2]],
    'drop-doubles',
  )
}
