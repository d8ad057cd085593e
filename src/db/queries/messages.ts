import type { Sql } from '../sql.ts'

/** The statements of the message table. Each takes the caller's `sql`, in or out of a transaction. */

export interface MessageRow {
  id: string
  tenantId: string
  instanceId: string
  whatsappId: string
  chatId: string
  lid: string | null
  phoneNumber: string | null
  sender: string
  direction: 'inbound' | 'outbound'
  type: string
  status: 'pending' | 'sent' | 'delivered' | 'read' | 'failed'
  content: Record<string, unknown>
  errorCode: string | null
  errorMessage: string | null
  timestamp: Date
}

export interface NewMessage extends Omit<MessageRow, 'tenantId' | 'errorCode' | 'errorMessage'> {
  /** Sealed; outbound only. */
  payload: Uint8Array | null
  nextAttemptAt: Date | null
  expiresAt: Date | null
  createdAt: Date
}

const COLUMNS = `id, tenant_id as "tenantId", instance_id as "instanceId", whatsapp_id as "whatsappId", chat_id as "chatId",
  lid, phone_number as "phoneNumber", sender, direction, type, status, content, error_code as "errorCode",
  error_message as "errorMessage", timestamp`

/** The stored row, or null when the instance is gone or has the message already. */
export async function insertMessage(sql: Sql, message: NewMessage): Promise<MessageRow | null> {
  const [row] = await sql.query<MessageRow>(
    `insert into message (id, tenant_id, instance_id, whatsapp_id, chat_id, lid, phone_number, sender, direction, type,
       status, content, timestamp, payload, next_attempt_at, expires_at, created_at)
     select $1, tenant_id, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16 from instance where id = $2
     on conflict do nothing returning ${COLUMNS}`,
    [
      message.id,
      message.instanceId,
      message.whatsappId,
      message.chatId,
      message.lid,
      message.phoneNumber,
      message.sender,
      message.direction,
      message.type,
      message.status,
      JSON.stringify(message.content),
      message.timestamp,
      message.payload,
      message.nextAttemptAt,
      message.expiresAt,
      message.createdAt,
    ],
    'insert-message',
  )
  return row ?? null
}

export async function findMessage(
  sql: Sql,
  at: { tenantId: string; instanceId: string; messageId: string },
): Promise<MessageRow | null> {
  const [row] = await sql.query<MessageRow>(
    `select ${COLUMNS} from message where tenant_id = $1 and instance_id = $2 and id = $3`,
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
    `select ${COLUMNS} from message
     where tenant_id = $1 and instance_id = $2 and chat_id = $3 and ($4::text is null or id < $4) order by id desc limit $5`,
    [of.tenantId, of.instanceId, of.chat, of.after, of.limit],
    'list-messages',
  )
}

/** The id under which the messages of a chat stand: the one given, or the phone form of a `@lid` once known. */
export async function knownChatId(sql: Sql, instanceId: string, jid: string): Promise<string> {
  if (!jid.endsWith('@lid')) return jid
  const [row] = await sql.query<{ chatId: string }>(
    'select chat_id as "chatId" from message where instance_id = $1 and lid = $2 order by id desc limit 1',
    [instanceId, jid],
    'known-chat-id',
  )
  return row?.chatId ?? jid
}

export interface ClaimedMessage {
  id: string
  whatsappId: string
  chatId: string
  payload: Uint8Array
}

/**
 * Takes what is due for the wire, oldest first, and puts its next try off until `leaseUntil`. A chat whose older
 * message waits for a later try is left alone, so that order holds; what is `inFlight` is on the wire already.
 */
export async function claimPending(
  sql: Sql,
  of: { instanceId: string; now: Date; leaseUntil: Date; inFlight: string[]; limit: number },
): Promise<ClaimedMessage[]> {
  const rows = await sql.query<ClaimedMessage>(
    `with due as (
       select id from message m where instance_id = $1 and status = 'pending' and next_attempt_at <= $2 and expires_at > $2
         and id <> all($4::text[])
         and not exists (
           select 1 from message held where held.instance_id = $1 and held.status = 'pending' and held.chat_id = m.chat_id
             and held.id < m.id and held.next_attempt_at > $2 and held.id <> all($4::text[]))
       order by id limit $5 for update skip locked)
     update message set attempts = attempts + 1, next_attempt_at = $3 from due where message.id = due.id
     returning message.id, whatsapp_id as "whatsappId", chat_id as "chatId", payload`,
    [of.instanceId, of.now, of.leaseUntil, of.inFlight, of.limit],
    'claim-pending',
  )
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Puts a message and all later ones of its chat off: none may overtake it. */
export async function postpone(
  sql: Sql,
  of: { instanceId: string; chatId: string; from: string; until: Date },
): Promise<void> {
  await sql.query(
    `update message set next_attempt_at = $4
     where instance_id = $1 and chat_id = $2 and id >= $3 and status = 'pending'`,
    [of.instanceId, of.chatId, of.from, of.until],
    'postpone',
  )
}

/** All that is pending may go at once: after a reconnect nothing is on any wire. */
export async function makePendingDue(sql: Sql, instanceId: string, now: Date): Promise<void> {
  await sql.query(
    `update message set next_attempt_at = $2 where instance_id = $1 and status = 'pending' and next_attempt_at > $2`,
    [instanceId, now],
    'make-pending-due',
  )
}

/** Locks the outbound messages of these WhatsApp ids until the transaction ends. */
export function lockSent(sql: Sql, instanceId: string, whatsappIds: string[]): Promise<MessageRow[]> {
  return sql.query<MessageRow>(
    `select ${COLUMNS} from message where instance_id = $1 and whatsapp_id = any($2) and direction = 'outbound'
     order by id for update`,
    [instanceId, whatsappIds],
    'lock-sent',
  )
}

export async function updateStatus(
  sql: Sql,
  message: { id: string; status: string; error: { code: string; message: string } | null },
): Promise<void> {
  await sql.query(
    'update message set status = $2, error_code = $3, error_message = $4, next_attempt_at = null where id = $1',
    [message.id, message.status, message.error?.code ?? null, message.error?.message ?? null],
    'update-status',
  )
}

/** Pending messages that will not be sent any more: `before` bounds by expiry, null takes all. Locked. */
export function lockPending(
  sql: Sql,
  of: { instanceId: string | null; before: Date | null; limit: number },
): Promise<MessageRow[]> {
  return sql.query<MessageRow>(
    `select ${COLUMNS} from message where status = 'pending' and ($1::text is null or instance_id = $1)
       and ($2::timestamptz is null or expires_at <= $2)
     order by id limit $3 for update skip locked`,
    [of.instanceId, of.before, of.limit],
    'lock-pending',
  )
}

/** Connected instances with a message whose next try is due. */
export async function instancesWithDue(sql: Sql, now: Date): Promise<string[]> {
  const rows = await sql.query<{ instanceId: string }>(
    `select distinct instance_id as "instanceId" from message join instance on instance.id = message.instance_id
     where status = 'pending' and next_attempt_at <= $1 and instance.state = 'connected' limit 1000`,
    [now],
    'instances-with-due',
  )
  return rows.map(row => row.instanceId)
}
