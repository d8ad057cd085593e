import type { Sql } from '../sql.ts'
import { olderThan } from './keyset.ts'
import { trailWith } from './trail.ts'

/** The statements of the message table. Each takes the caller's `sql`, in or out of a transaction. */

export interface MessageRow {
  id: string
  tenantId: string
  instanceId: string
  whatsappId: string
  /** Our own id of the chat, never shown: the names of a chat may change. */
  chat: string
  /** The name of the chat that is shown. */
  chatId: string
  lid: string | null
  phoneNumber: string | null
  sender: string
  direction: 'inbound' | 'outbound'
  type: string
  status: 'pending' | 'sent' | 'delivered' | 'read' | 'failed'
  content: Record<string, unknown>
  /** As they are kept: those taken back have an empty emoji, so that an older one cannot come after. */
  reactions: KeptReaction[]
  quotedMessageId: string | null
  mentions: string[]
  errorCode: string | null
  errorMessage: string | null
  timestamp: Date
  editedAt: Date | null
  deletedAt: Date | null
  /** The message that this row only tells WhatsApp something about. */
  actionOf: string | null
  /** The start of the cycle in which it was counted. */
  countedIn: Date | null
  /** The `traceparent` of what accepted or stored it; null: nobody traces. */
  trace: string | null
}

export interface KeptReaction {
  sender: string
  emoji: string
  /** ISO 8601 */
  at: string
}

export interface NewMessage {
  id: string
  instanceId: string
  whatsappId: string
  chat: string
  sender: string
  direction: MessageRow['direction']
  type: string
  status: MessageRow['status']
  content: Record<string, unknown>
  timestamp: Date
  createdAt: Date
  quotedMessageId?: string | null
  mentions?: string[]
  actionOf?: string | null
  mediaId?: string | null
  raw?: Record<string, unknown> | null
  /** Sealed; outbound only. */
  payload?: Uint8Array | null
  nextAttemptAt?: Date | null
  expiresAt?: Date | null
  /** The first steps of its way. */
  trail?: string
  trace?: string | null
}

export const MESSAGE_COLUMNS = `message.id, message.tenant_id as "tenantId", message.instance_id as "instanceId",
  message.whatsapp_id as "whatsappId", message.chat, coalesce(chat.group_jid, chat.phone, chat.lid) as "chatId", chat.lid,
  '+' || split_part(chat.phone, '@', 1) as "phoneNumber",
  case when message.direction = 'inbound' and chat.group_jid is null then coalesce(chat.phone, chat.lid)
    else message.sender end as sender,
  message.direction, message.type, message.status, message.content, message.reactions,
  message.quoted_message_id as "quotedMessageId", message.mentions, message.error_code as "errorCode",
  message.error_message as "errorMessage", message.timestamp, message.edited_at as "editedAt",
  message.deleted_at as "deletedAt", message.action_of as "actionOf", message.counted_in as "countedIn", message.trace`
const FROM = 'message join chat on chat.id = message.chat'

/** The stored row, or null when the instance is gone or has the message already. */
export async function insertMessage(sql: Sql, message: NewMessage): Promise<MessageRow | null> {
  const [row] = await sql.query<MessageRow>(
    `with message as (
       insert into message (id, tenant_id, instance_id, whatsapp_id, chat, sender, direction, type, status, content,
         timestamp, created_at, quoted_message_id, mentions, action_of, media_id, raw, payload,
         next_attempt_at, expires_at, trail, trace)
       select $1, tenant_id, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21
       from instance where id = $2
       on conflict do nothing returning *)
     select ${MESSAGE_COLUMNS} from ${FROM}`,
    [
      message.id,
      message.instanceId,
      message.whatsappId,
      message.chat,
      message.sender,
      message.direction,
      message.type,
      message.status,
      JSON.stringify(message.content),
      message.timestamp,
      message.createdAt,
      message.quotedMessageId ?? null,
      message.mentions ?? [],
      message.actionOf ?? null,
      message.mediaId ?? null,
      message.raw ? JSON.stringify(message.raw) : null,
      message.payload ?? null,
      message.nextAttemptAt ?? null,
      message.expiresAt ?? null,
      message.trail ?? '',
      message.trace ?? null,
    ],
    'insert-message',
  )
  return row ?? null
}

// Beside the key of a row, what else must hold of it is written so that no index serves it: decision 021.

export async function findMessage(
  sql: Sql,
  at: { tenantId: string; instanceId: string; messageId: string },
): Promise<MessageRow | null> {
  const [row] = await sql.query<MessageRow>(
    `select ${MESSAGE_COLUMNS} from ${FROM}
     where (message.tenant_id = $1) is not false and (message.instance_id = $2) is not false and message.id = $3 and message.action_of is null`,
    [at.tenantId, at.instanceId, at.messageId],
    'find-message',
  )
  return row ?? null
}

/** Newest first; `after` is the id of the last row of the page before. */
export function listMessages(
  sql: Sql,
  of: { tenantId: string; instanceId: string; chat: string; after: string | null; limit: number },
): Promise<MessageRow[]> {
  return sql.query<MessageRow>(
    `select ${MESSAGE_COLUMNS} from ${FROM}
     where message.tenant_id = $1 and message.instance_id = $2 and message.chat = $3 and message.action_of is null
       and ${olderThan('message.id', '$4')} order by message.id desc limit $5`,
    [of.tenantId, of.instanceId, of.chat, of.after, of.limit],
    'list-messages',
  )
}

/** Locks the messages of the chat that have this WhatsApp id until the transaction ends: by direction at most one. */
export function lockNamed(
  sql: Sql,
  at: { instanceId: string; chat: string; whatsappId: string },
): Promise<MessageRow[]> {
  return sql.query<MessageRow>(
    `select ${MESSAGE_COLUMNS} from ${FROM}
     where message.instance_id = $1 and message.chat = $2 and message.whatsapp_id = $3 and message.action_of is null
     for update of message`,
    [at.instanceId, at.chat, at.whatsappId],
    'lock-named',
  )
}

/** A row of any kind, also of those that are no message of their own. */
export async function messageById(sql: Sql, instanceId: string, id: string): Promise<MessageRow | null> {
  const [row] = await sql.query<MessageRow>(
    `select ${MESSAGE_COLUMNS} from ${FROM} where (message.instance_id = $1) is not false and message.id = $2`,
    [instanceId, id],
    'message-by-id',
  )
  return row ?? null
}

/** The same, locked until the transaction ends. */
export async function lockMessage(sql: Sql, instanceId: string, id: string): Promise<MessageRow | null> {
  // Read by a statement of its own: its chat may have become another one while this waited for the lock.
  const locked = await sql.query(
    'select 1 as one from message where (instance_id = $1) is not false and id = $2 for update',
    [instanceId, id],
    'lock-message',
  )
  return locked.length > 0 ? messageById(sql, instanceId, id) : null
}

/** Our id of the message that a stanza names by WhatsApp's; null when we do not have it. */
export async function idOfNamed(
  sql: Sql,
  at: { instanceId: string; chat: string; whatsappId: string },
): Promise<string | null> {
  const [row] = await sql.query<{ id: string }>(
    `select id from message where instance_id = $1 and chat = $2 and whatsapp_id = $3 and action_of is null limit 1`,
    [at.instanceId, at.chat, at.whatsappId],
    'id-of-named',
  )
  return row?.id ?? null
}

/**
 * Locks the outbound messages of these WhatsApp ids until the transaction ends, and the messages that actions among
 * them are about: all in the order of ids, so that two transactions cannot wait for each other.
 */
export async function lockSent(sql: Sql, instanceId: string, whatsappIds: string[]): Promise<MessageRow[]> {
  const locked = await sql.query<{ id: string; named: boolean }>(
    `with named as (
       select id, action_of from message where instance_id = $1 and whatsapp_id = any($2) and direction = 'outbound')
     select id, whatsapp_id = any($2) and direction = 'outbound' as named from message
     where (instance_id = $1) is not false and id in (select id from named union all select action_of from named)
     order by id for update`,
    [instanceId, whatsappIds],
    'lock-sent',
  )
  const named = locked.filter(row => row.named).map(row => row.id)
  if (named.length === 0) return []
  // Read by a statement of its own: their chat may have become another one while this waited for the locks.
  return sql.query<MessageRow>(
    `select ${MESSAGE_COLUMNS} from ${FROM} where (message.instance_id = $1) is not false and message.id = any($2) order by message.id`,
    [instanceId, named],
    'read-sent',
  )
}

export async function hasMessage(
  sql: Sql,
  of: { instanceId: string; chat: string; whatsappId: string; direction: MessageRow['direction'] },
): Promise<boolean> {
  const rows = await sql.query(
    'select 1 as one from message where instance_id = $1 and chat = $2 and whatsapp_id = $3 and direction = $4',
    [of.instanceId, of.chat, of.whatsappId, of.direction],
    'has-message',
  )
  return rows.length > 0
}

export async function updateStatus(
  sql: Sql,
  message: {
    instanceId: string
    id: string
    status: string
    error: { code: string; message: string } | null
    /** Of its trail. */
    step?: string
  },
): Promise<void> {
  await sql.query(
    `update message set status = $3, error_code = $4, error_message = $5, next_attempt_at = null,
       trail = ${trailWith('$6::text')}
     where (instance_id = $1) is not false and id = $2`,
    [
      message.instanceId,
      message.id,
      message.status,
      message.error?.code ?? null,
      message.error?.message ?? null,
      message.step ?? '',
    ],
    'update-status',
  )
}

/** What is folded into a message that is locked. */
export async function updateFolded(
  sql: Sql,
  message: Pick<MessageRow, 'instanceId' | 'id' | 'content' | 'reactions' | 'editedAt' | 'deletedAt'>,
): Promise<void> {
  await sql.query(
    `update message set content = $3, reactions = $4, edited_at = $5, deleted_at = $6
     where (instance_id = $1) is not false and id = $2`,
    [
      message.instanceId,
      message.id,
      JSON.stringify(message.content),
      JSON.stringify(message.reactions),
      message.editedAt,
      message.deletedAt,
    ],
    'update-folded',
  )
}

/**
 * True when this is news: the reader of a group had not gone so far before. A later `delivered` takes no `read` back.
 */
export async function recordReceipt(
  sql: Sql,
  receipt: { messageId: string; instanceId: string; reader: string; status: 'delivered' | 'read'; at: Date },
): Promise<boolean> {
  const rows = await sql.query(
    `insert into receipt (message_id, instance_id, reader, status, at) values ($1, $2, $3, $4, $5)
     on conflict (message_id, reader) do update set status = excluded.status, at = excluded.at
     where receipt.status = 'delivered' and excluded.status = 'read' returning 1 as one`,
    [receipt.messageId, receipt.instanceId, receipt.reader, receipt.status, receipt.at],
    'record-receipt',
  )
  return rows.length > 0
}
