import { newId } from '../../ids.ts'
import type { Sql } from '../sql.ts'
import { type ChatNames, type ChatRow, chatOf } from './chats.ts'
import { lockNames } from './contacts.ts'
import { sortOut, withoutUndefined } from './names.ts'

/** What a phone tells of many chats and groups at once, each in a few statements. */

/** What is undefined is not told, and stays as it is. */
export interface ChatNews {
  names: ChatNames
  name?: string | undefined
  unreadCount?: number | undefined
  archived?: boolean | undefined
  pinnedAt?: Date | null | undefined
  mutedUntil?: Date | null | undefined
  lastMessageAt?: Date | undefined
}

export interface GroupNews {
  names: ChatNames
  subject: string
  description: string | null
  /** A jid. */
  owner: string | null
  announce: boolean
  locked: boolean
  participants: Participant[]
  createdAt: Date | null
  joined: boolean
}

/** As it is kept. */
export interface Participant {
  phone: string | null
  lid: string | null
  role: 'member' | 'admin' | 'superadmin'
}

interface Of {
  instanceId: string
  now: Date
}

/** Makes the chats that are missing, in the given order, and changes what was told of all of them. */
export async function syncChats(sql: Sql, of: Of, chats: ChatNews[]): Promise<void> {
  const rows = await chatsOf(sql, of, chats)
  const told = rows.map(([{ names: _, ...news }, { id }]) => ({
    id,
    ...news,
    // In JSON what is null and what is left out look the same to SQL.
    pinTold: news.pinnedAt !== undefined,
    muteTold: news.mutedUntil !== undefined,
  }))
  if (told.length === 0) return
  await sql.query(
    `update chat set name = coalesce(row.name, chat.name), unread_count = coalesce(row."unreadCount", unread_count),
       archived = coalesce(row.archived, chat.archived),
       pinned_at = case when row."pinTold" then row."pinnedAt" else pinned_at end,
       muted_until = case when row."muteTold" then row."mutedUntil" else muted_until end,
       last_message_at = greatest(last_message_at, row."lastMessageAt")
     from jsonb_to_recordset($2::jsonb) as row (id text, name text, "unreadCount" integer, archived boolean,
       "pinnedAt" timestamptz, "mutedUntil" timestamptz, "lastMessageAt" timestamptz, "pinTold" boolean, "muteTold" boolean)
     where (chat.instance_id = $1) is not false and chat.id = row.id`,
    [of.instanceId, JSON.stringify(told)],
    'sync-chats',
  )
}

/** Puts each group in the place of what was known of it. */
export async function syncGroups(sql: Sql, of: Of, groups: GroupNews[]): Promise<void> {
  const rows = await chatsOf(sql, of, groups)
  if (rows.length === 0) return
  const told = rows.map(([{ names: _, ...group }, { id }]) => ({ chat: id, ...group }))
  await sql.query(
    `insert into chat_group (chat, tenant_id, instance_id, subject, description, owner, announce, locked,
       participant_count, participants, joined, created_at, updated_at)
     select row.chat, tenant_id, instance.id, row.subject, row.description, row.owner, row.announce, row.locked,
       jsonb_array_length(row.participants), row.participants, row.joined, row."createdAt", $3
     from instance, jsonb_to_recordset($2::jsonb) as row (chat text, subject text, description text, owner text,
       announce boolean, locked boolean, participants jsonb, joined boolean, "createdAt" timestamptz)
     where instance.id = $1
     on conflict (chat) do update set subject = coalesce(nullif(excluded.subject, ''), chat_group.subject), description = excluded.description,
       owner = coalesce(excluded.owner, chat_group.owner), announce = excluded.announce, locked = excluded.locked,
       participant_count = excluded.participant_count, participants = excluded.participants, joined = excluded.joined,
       created_at = coalesce(excluded.created_at, chat_group.created_at), updated_at = excluded.updated_at`,
    [of.instanceId, JSON.stringify(told), of.now],
    'sync-groups',
  )
}

/** Each chat with what is told of it; of two items of one chat the later holds. None: the instance is gone. */
async function chatsOf<Item extends { names: ChatNames }>(
  sql: Sql,
  { instanceId, now }: Of,
  items: Item[],
): Promise<[Item, { id: string }][]> {
  if (items.length === 0) return []
  await lockNames(sql, instanceId)
  const named = await withPairs(sql, instanceId, items)
  const { fresh, known, tangled } = sortOut(named, await chatsWith(sql, instanceId, named))
  const byId = new Map<string, Item>()
  const put = (id: string, item: Item) => byId.set(id, { ...byId.get(id), ...withoutUndefined(item) })
  for (const [item, { id }] of known) put(id, item)
  for (const [item, { id }] of await insertChats(sql, { instanceId, now }, fresh)) put(id, item)
  for (const item of tangled) {
    const chat = await chatOf(sql, { instanceId, names: item.names, now })
    if (chat) put(chat.id, item)
  }
  return [...byId].map(([id, item]) => [item, { id }])
}

/** With the other name of those of whom one is given and both are known. */
async function withPairs<Item extends { names: ChatNames }>(
  sql: Sql,
  instanceId: string,
  items: Item[],
): Promise<Item[]> {
  const pairs = await sql.query<{ phone: string; lid: string }>(
    `select phone, lid from contact
     where instance_id = $1 and (phone = any($2) or lid = any($3)) and phone is not null and lid is not null`,
    [instanceId, items.flatMap(each => each.names.phone ?? []), items.flatMap(each => each.names.lid ?? [])],
    'pairs-of-chats',
  )
  const byName = new Map(pairs.flatMap(pair => [pair.phone, pair.lid].map(name => [name, pair] as const)))
  return items.map(item => {
    const { phone, lid } = item.names
    const pair = phone && lid ? undefined : byName.get(phone ?? lid ?? '')
    return pair ? { ...item, names: { ...item.names, ...pair } } : item
  })
}

function chatsWith(sql: Sql, instanceId: string, items: { names: ChatNames }[]): Promise<ChatRow[]> {
  const all = (name: keyof ChatNames) => items.flatMap(each => each.names[name] ?? [])
  return sql.query<ChatRow>(
    `select id, group_jid as "groupJid", phone, lid from chat
     where instance_id = $1 and (group_jid = any($2) or phone = any($3) or lid = any($4))`,
    [instanceId, all('groupJid'), all('phone'), all('lid')],
    'chats-with-names',
  )
}

async function insertChats<Item extends { names: ChatNames }>(
  sql: Sql,
  { instanceId, now }: Of,
  items: Item[],
): Promise<[Item, { id: string }][]> {
  if (items.length === 0) return []
  const made = items.map(item => [item, { id: newId('chat'), ...item.names }] as [Item, ChatRow])
  const rows = await sql.query(
    `insert into chat (id, tenant_id, instance_id, group_jid, phone, lid, created_at)
     select row.id, tenant_id, instance.id, row."groupJid", row.phone, row.lid, $3
     from instance, jsonb_to_recordset($2::jsonb) as row (id text, "groupJid" text, phone text, lid text)
     where instance.id = $1 returning 1 as one`,
    [instanceId, JSON.stringify(made.map(([, row]) => row)), now],
    'insert-chats',
  )
  return rows.length === 0 ? [] : made
}

/** People whose phone and lid are known to belong together: two chats of one of them become one. */
export async function joinChats(
  sql: Sql,
  { instanceId, now }: Of,
  pairs: { phone: string; lid: string }[],
): Promise<void> {
  if (pairs.length === 0) return
  const incomplete = await sql.query<{ phone: string; lid: string }>(
    `with pair as (select distinct phone, lid from unnest($2::text[], $3::text[]) as given (phone, lid))
     select pair.phone, pair.lid from pair join chat on chat.instance_id = $1 and chat.phone = pair.phone
       where chat.lid is distinct from pair.lid
     union
     select pair.phone, pair.lid from pair join chat on chat.instance_id = $1 and chat.lid = pair.lid
       where chat.phone is distinct from pair.phone`,
    [instanceId, pairs.map(pair => pair.phone), pairs.map(pair => pair.lid)],
    'incomplete-chats',
  )
  for (const pair of incomplete) await chatOf(sql, { instanceId, names: { groupJid: null, ...pair }, now })
}
