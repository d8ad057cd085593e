import type { MessageRow } from '../../db/queries/messages.ts'

/** Media as a message names it; its address is made where it is shown. */
export interface MediaRef {
  mediaId: string
  /** Of the row that names it; added when the row is read. */
  instanceId?: string
  mimeType: string
  sizeBytes: number
}

/** What a message says, with the names under which it is kept and shown. */
export type MessageContent =
  | { type: 'text'; text: string }
  | { type: 'image'; media: MediaRef; caption: string | null }
  | { type: 'video'; media: MediaRef; caption: string | null }
  | { type: 'audio'; media: MediaRef; caption: string | null; ptt: boolean }
  | { type: 'document'; media: MediaRef; caption: string | null; filename: string | null }
  | { type: 'sticker'; media: MediaRef; caption: string | null }
  | { type: 'location'; latitude: number; longitude: number; name: string | null; address: string | null }
  | { type: 'contacts'; contacts: { name: string; phone: string | null }[] }
  | { type: 'unsupported'; kind: string }

export interface MessageError {
  code: string
  message: string
}

export interface Reaction {
  /** A jid. */
  sender: string
  emoji: string
  at: Date
}

/** A message as the house holds it: the row, with what it says and why it failed each in one piece. */
export interface StoredMessage
  extends Omit<MessageRow, 'type' | 'content' | 'reactions' | 'errorCode' | 'errorMessage'> {
  content: MessageContent
  reactions: Reaction[]
  error: MessageError | null
  /** In a subscription: the event that brought it. */
  eventId?: string
}
