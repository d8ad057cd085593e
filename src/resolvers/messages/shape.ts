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
