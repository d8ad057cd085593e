import type { Sql } from '../sql.ts'
import type { Participant } from './chat-sync.ts'
import type { ChatRow } from './chats.ts'
import { olderThan } from './keyset.ts'

/** Chats and groups as they are shown. */

export interface ShownChatRow extends ChatRow {
  instanceId: string
  name: string | null
  unreadCount: number
  archived: boolean
  pinnedAt: Date | null
  mutedUntil: Date | null
  lastMessageAt: Date | null
  createdAt: Date
}

export interface GroupRow {
  /** Of its chat. */
  id: string
  groupJid: string
  instanceId: string
  subject: string
  description: string | null
  owner: string | null
  announce: boolean
  locked: boolean
  participantCount: number
  createdAt: Date | null
}

export interface PageOfInstance {
  tenantId: string
  instanceId: string
  /** Our own id of the last row of the page before. */
  after: string | null
  limit: number
}

/** What the owner called it comes before what people call themselves. */
const SHOWN = `chat.id, chat.instance_id as "instanceId", chat.group_jid as "groupJid", chat.phone, chat.lid,
  coalesce(chat_group.subject, chat.name, of_phone.name, of_lid.name, of_phone.push_name, of_lid.push_name,
    of_phone.verified_name, of_lid.verified_name) as name,
  chat.unread_count as "unreadCount", chat.archived, chat.pinned_at as "pinnedAt", chat.muted_until as "mutedUntil",
  chat.last_message_at as "lastMessageAt", chat.created_at as "createdAt"`
const FROM = `chat left join chat_group on chat_group.chat = chat.id
  left join contact of_phone on of_phone.instance_id = chat.instance_id and of_phone.phone = chat.phone
  left join contact of_lid on of_lid.instance_id = chat.instance_id and of_lid.lid = chat.lid`

/** Newest first. */
export function listChats(sql: Sql, of: PageOfInstance): Promise<ShownChatRow[]> {
  return sql.query<ShownChatRow>(
    `select ${SHOWN} from ${FROM}
     where chat.tenant_id = $1 and chat.instance_id = $2 and ${olderThan('chat.id', '$3')}
     order by chat.id desc limit $4`,
    [of.tenantId, of.instanceId, of.after, of.limit],
    'list-chats',
  )
}

/** By our own ids. */
export function chatsByIds(sql: Sql, tenantId: string, ids: readonly string[]): Promise<ShownChatRow[]> {
  return sql.query<ShownChatRow>(
    `select ${SHOWN} from ${FROM} where (chat.tenant_id = $1) is not false and chat.id = any($2)`,
    [tenantId, ids],
    'chats-by-ids',
  )
}

/** The newest chats of each of several instances. */
export function chatsOfInstances(
  sql: Sql,
  of: { tenantId: string; instanceIds: readonly string[]; after: string | null; limit: number },
): Promise<ShownChatRow[]> {
  return sql.query<ShownChatRow>(
    `select newest.* from unnest($2::text[]) as wanted (id) cross join lateral (
       select ${SHOWN} from ${FROM} where chat.tenant_id = $1 and chat.instance_id = wanted.id
         and ${olderThan('chat.id', '$3')}
       order by chat.id desc limit $4) as newest`,
    [of.tenantId, of.instanceIds, of.after, of.limit],
    'chats-of-instances',
  )
}

const GROUP = `chat_group.chat as id, chat.group_jid as "groupJid", chat_group.instance_id as "instanceId", subject,
  description, owner, announce, locked, participant_count as "participantCount", chat_group.created_at as "createdAt"`
const GROUP_FROM = 'chat_group join chat on chat.id = chat_group.chat'

/** Newest first; those that the account is in. */
export function listGroups(sql: Sql, of: PageOfInstance): Promise<GroupRow[]> {
  return sql.query<GroupRow>(
    `select ${GROUP} from ${GROUP_FROM}
     where chat_group.tenant_id = $1 and chat_group.instance_id = $2 and joined
       and ${olderThan('chat_group.chat', '$3')}
     order by chat_group.chat desc limit $4`,
    [of.tenantId, of.instanceId, of.after, of.limit],
    'list-groups',
  )
}

/** By our own ids of their chats. */
export function groupsByChats(sql: Sql, tenantId: string, chats: readonly string[]): Promise<GroupRow[]> {
  return sql.query<GroupRow>(
    `select ${GROUP} from ${GROUP_FROM} where chat_group.tenant_id = $1 and chat_group.chat = any($2)`,
    [tenantId, chats],
    'groups-by-chats',
  )
}

export function participantsOf(
  sql: Sql,
  tenantId: string,
  chats: readonly string[],
): Promise<{ id: string; participants: Participant[] }[]> {
  return sql.query<{ id: string; participants: Participant[] }>(
    'select chat as id, participants from chat_group where tenant_id = $1 and chat = any($2)',
    [tenantId, chats],
    'participants-of',
  )
}
