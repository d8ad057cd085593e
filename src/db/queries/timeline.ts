import type { Sql } from '../sql.ts'
import type { Try } from './webhook-outbox.ts'

/** What is known of the way of one message. */

export interface MessageWay {
  id: string
  whatsappId: string
  direction: 'inbound' | 'outbound'
  isGroup: boolean
  createdAt: Date
  dispatches: number
  errorCode: string | null
  errorMessage: string | null
  trail: string
}

export async function findWay(
  sql: Sql,
  at: { tenantId: string; instanceId: string; messageId: string },
): Promise<MessageWay | null> {
  const [row] = await sql.query<MessageWay>(
    `select message.id, message.whatsapp_id as "whatsappId", message.direction, chat.group_jid is not null as "isGroup",
       message.created_at as "createdAt", message.attempts as dispatches, message.error_code as "errorCode",
       message.error_message as "errorMessage", message.trail
     from message join chat on chat.id = message.chat
     where (message.tenant_id = $1) is not false and (message.instance_id = $2) is not false and message.id = $3 and message.action_of is null`,
    [at.tenantId, at.instanceId, at.messageId],
    'find-way',
  )
  return row ?? null
}

interface Of {
  tenantId: string
  instanceId: string
  messageId: string
  limit: number
}

/** When the message's states were told of, as long as that is kept. */
export function statusEvents(sql: Sql, of: Of): Promise<{ at: Date; status: string }[]> {
  return sql.query(
    `select created_at as at, data->>'status' as status from event
     where (tenant_id = $1) is not false and (instance_id = $2) is not false and about = $3 and type = 'message.status' order by seq limit $4`,
    [of.tenantId, of.instanceId, of.messageId, of.limit],
    'status-events',
  )
}

export interface WebhookTry {
  webhookId: string
  deliveryId: string
  eventId: string
  event: string
  made: Try
}

/** Requests that told webhooks of the message, in the order of the events and within a delivery of their making. */
export function webhookTries(sql: Sql, of: Of): Promise<WebhookTry[]> {
  return sql.query(
    `select d.webhook_id as "webhookId", d.id as "deliveryId", d.event_id as "eventId", d.event, tried.made
     from (
         select id, seq from event where (tenant_id = $1) is not false and (instance_id = $2) is not false and about = $3
         order by seq limit $4) as told
       join webhook_delivery d on d.id between 'del_' || substr(told.id, 5) || 'a' and 'del_' || substr(told.id, 5) || 'z'
       join webhook on webhook.id = d.webhook_id and webhook.deleted_at is null
       cross join lateral jsonb_array_elements(d.tries) with ordinality as tried (made, place)
     where d.tenant_id = $1 and d.instance_id = $2
     order by told.seq, d.id, tried.place limit $4`,
    [of.tenantId, of.instanceId, of.messageId, of.limit],
    'webhook-tries',
  )
}

export interface Receipts {
  delivered: number
  read: number
  first: { reader: string; status: 'delivered' | 'read'; at: Date }[]
}

/** Of a group: how many have the message and how many of them have read it, and the first of them. */
export async function receiptsOf(sql: Sql, of: Omit<Of, 'tenantId'>): Promise<Receipts> {
  const [row] = await sql.query<{ delivered: number; read: number }>(
    `select count(*)::int as delivered, count(*) filter (where status = 'read')::int as read from receipt
     where (instance_id = $1) is not false and message_id = $2`,
    [of.instanceId, of.messageId],
    'count-receipts',
  )
  const first = await sql.query<Receipts['first'][number]>(
    `select reader, status, at from receipt where (instance_id = $1) is not false and message_id = $2 order by at, reader limit $3`,
    [of.instanceId, of.messageId, of.limit],
    'first-receipts',
  )
  return { ...row!, first }
}
