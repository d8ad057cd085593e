import { renderContent } from './render-content.ts'

/**
 * Each event and what its payload looks like on the wire: snake_case, as webhooks carry it. Whoever raises an
 * event renders it; nobody else needs to know its shape.
 */
export interface EventData {
  'message.received': RenderedMessage & Raw
  'message.status': { message_id: string; chat_id: string; status: string; error: RenderedError | null }
  'message.reaction': { message_id: string; chat_id: string; sender: string; emoji: string } & Raw
  'message.read': { message_id: string; chat_id: string; reader: string }
  'message.created': RenderedMessage
  'message.updated': RenderedMessage
  'connection.update': { state: string; last_error: string | null; updated_at: string }
  'qr.updated': { qr: string; qr_image_data_url: string; expires_at: string }
}

export type EventType = keyof EventData

export interface RenderedError {
  code: string
  message: string
}

/** WhatsApp's own form of the message, for instances with `emit_raw`. */
interface Raw {
  raw?: Record<string, unknown>
}

/** A message exactly as `GET …/messages/{id}` answers it. */
export interface RenderedMessage {
  id: string
  instance_id: string
  chat_id: string
  lid: string | null
  phone_number: string | null
  sender: string
  direction: string
  type: string
  status: string
  content: Record<string, unknown>
  reactions: { sender: string; emoji: string; at: string }[]
  quoted_message_id: string | null
  mentions: string[]
  timestamp: string
  edited_at: string | null
  deleted_at: string | null
  error: RenderedError | null
}

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
