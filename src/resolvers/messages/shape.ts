import type { RenderedMessage } from '../../events/catalogue.ts'
import type { MessageStatus } from './status.ts'

export type MessageContent = { type: 'text'; text: string } | { type: 'unsupported'; kind: string }

export interface MessageError {
  code: string
  message: string
}

/** A message as the house holds it. */
export interface StoredMessage {
  id: string
  tenantId: string
  instanceId: string
  whatsappId: string
  chatId: string
  lid: string | null
  phoneNumber: string | null
  sender: string
  direction: 'inbound' | 'outbound'
  content: MessageContent
  status: MessageStatus
  timestamp: Date
  error: MessageError | null
}

/** As `GET …/messages/{id}` answers it: the payload of `message.received`. */
export function renderMessage(message: StoredMessage): RenderedMessage {
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
    content,
    timestamp: message.timestamp.toISOString(),
    error: message.error,
  }
}
