import { defineEntity, p } from '@mikro-orm/core'
import { Chat } from './chat.ts'
import { Instance } from './instance.ts'
import { Tenant } from './tenant.ts'

export type MessageDirection = 'inbound' | 'outbound'
export type MessageStatus = 'pending' | 'sent' | 'delivered' | 'read' | 'failed'

const MessageSchema = defineEntity({
  name: 'Message',
  tableName: 'message',
  properties: {
    id: p.text().primary(),
    tenantId: () => p.manyToOne(Tenant).mapToPk().fieldName('tenant_id'),
    instanceId: () => p.manyToOne(Instance).mapToPk().fieldName('instance_id'),
    whatsappId: p.text(),
    chat: () => p.manyToOne(Chat).mapToPk().fieldName('chat'),
    sender: p.text(),
    direction: p.text().$type<MessageDirection>(),
    type: p.text(),
    status: p.text().$type<MessageStatus>(),
    content: p.json<Record<string, unknown>>(),
    reactions: p.json<{ sender: string; emoji: string; at: string }[]>().default([]),
    quotedMessageId: p.text().nullable(),
    mentions: p.array().columnType('text[]').default([]),
    /** The message that this row only tells WhatsApp something about. */
    actionOf: p.text().nullable(),
    mediaId: p.text().nullable(),
    /** The start of the cycle in which it was counted. */
    countedIn: p.datetime(3).nullable(),
    /** The protobuf of an outbound message, sealed with the place `message|<id>|payload`. */
    payload: p.blob().nullable().lazy(),
    errorCode: p.text().nullable(),
    errorMessage: p.text().nullable(),
    raw: p.json<Record<string, unknown>>().nullable(),
    timestamp: p.datetime(3),
    createdAt: p.datetime(3).defaultRaw('current_timestamp'),
    editedAt: p.datetime(3).nullable(),
    deletedAt: p.datetime(3).nullable(),
    attempts: p.integer().default(0),
    nextAttemptAt: p.datetime(3).nullable(),
    expiresAt: p.datetime(3).nullable(),
    /** What has become of it, step after step. */
    trail: p.text().default('').lazy(),
    /** A `traceparent`. */
    trace: p.text().nullable(),
  },
})

export class Message extends MessageSchema.class {}
MessageSchema.setClass(Message)
