import type { EventData, EventType, RenderedError, RenderedMessage } from './payloads.ts'
import { renderContent } from './render-content.ts'

/** Who raises an event renders it, here: nobody else needs to know its shape. */

export type { EventData, EventType, RenderedError, RenderedMessage }

/** One thing that happened. `subject` is the domain object, for subscribers in this process. */
export interface HouseEvent<Type extends EventType = EventType, Subject = unknown> {
  /** `evt_…` */
  id: string
  type: Type
  tenantId: string
  instanceId: string
  /** The id of what it happened to: a message, or the instance. */
  about: string
  /** Counts the events of an instance in the order of their commits. */
  seq: number
  /** States that were skipped on the way to the one that `data` tells; of what was recorded here alone. */
  passed?: readonly string[]
  /** Which webhooks it is on its way to. */
  webhooks: string[]
  at: Date
  data: EventData[Type]
  subject: Subject
}

/** What an event needs to know of a message, in the house's own spelling. */
export interface MessageFacts {
  id: string
  instanceId: string
  chatId: string
  lid: string | null
  phoneNumber: string | null
  sender: string
  direction: string
  status: string
  content: { type: string }
  reactions: { sender: string; emoji: string; at: Date }[]
  quotedMessageId: string | null
  mentions: string[]
  timestamp: Date
  editedAt: Date | null
  deletedAt: Date | null
  error: RenderedError | null
}

function rendered(message: MessageFacts, publicUrl: string): RenderedMessage {
  const { type, ...content } = message.content
  return {
    id: message.id,
    instance_id: message.instanceId,
    chat_id: message.chatId,
    lid: message.lid,
    phone_number: message.phoneNumber,
    sender: message.sender,
    direction: message.direction,
    type,
    status: message.status,
    content: renderContent(content, { publicUrl, instanceId: message.instanceId }),
    reactions: message.reactions.map(({ at, ...reaction }) => ({ ...reaction, at: at.toISOString() })),
    quoted_message_id: message.quotedMessageId,
    mentions: message.mentions,
    timestamp: message.timestamp.toISOString(),
    edited_at: message.editedAt?.toISOString() ?? null,
    deleted_at: message.deletedAt?.toISOString() ?? null,
    error: message.error,
  }
}

export const messageReceived = (
  message: MessageFacts,
  publicUrl: string,
  raw: Record<string, unknown> | null,
): EventData['message.received'] => ({ ...rendered(message, publicUrl), ...(raw && { raw }) })

export const messageCreated = (message: MessageFacts, publicUrl: string): EventData['message.created'] =>
  rendered(message, publicUrl)

export const messageUpdated = (message: MessageFacts, publicUrl: string): EventData['message.updated'] =>
  rendered(message, publicUrl)

export const messageStatus = (message: MessageFacts): EventData['message.status'] => ({
  message_id: message.id,
  chat_id: message.chatId,
  status: message.status,
  error: message.error,
})

export const messageReaction = (
  message: MessageFacts,
  reaction: { sender: string; emoji: string },
  raw: Record<string, unknown> | null,
): EventData['message.reaction'] => ({
  message_id: message.id,
  chat_id: message.chatId,
  sender: reaction.sender,
  emoji: reaction.emoji,
  ...(raw && { raw }),
})

export const messageRead = (message: MessageFacts, reader: string): EventData['message.read'] => ({
  message_id: message.id,
  chat_id: message.chatId,
  reader,
})

export const connectionUpdate = (status: {
  state: string
  lastError: string | null
  updatedAt: Date
}): EventData['connection.update'] => ({
  state: status.state,
  last_error: status.lastError,
  updated_at: status.updatedAt.toISOString(),
})

export const qrUpdated = (update: {
  qr: string
  qrImageDataUrl: string
  expiresAt: Date
}): EventData['qr.updated'] => ({
  qr: update.qr,
  qr_image_data_url: update.qrImageDataUrl,
  expires_at: update.expiresAt.toISOString(),
})

export const webhookTest = (webhook: { id: string }): EventData['webhook.test'] => ({ webhook_id: webhook.id })

export const webhookDisabled = (webhook: {
  id: string
  url: string
  reason: EventData['webhook.disabled']['reason']
}): EventData['webhook.disabled'] => ({ webhook_id: webhook.id, url: webhook.url, reason: webhook.reason })
