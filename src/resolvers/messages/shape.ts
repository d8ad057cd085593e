import type { MessageRow } from '../../db/queries/messages.ts'

export type MessageContent = { type: 'text'; text: string } | { type: 'unsupported'; kind: string }

export interface MessageError {
  code: string
  message: string
}

/** A message as the house holds it: the row, with what it says and why it failed each in one piece. */
export interface StoredMessage extends Omit<MessageRow, 'type' | 'content' | 'errorCode' | 'errorMessage'> {
  content: MessageContent
  error: MessageError | null
}
