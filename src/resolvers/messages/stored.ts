import type { MessageRow } from '../../db/queries/messages.ts'
import type { MessageContent, StoredMessage } from './shape.ts'

/** The row of the table as the house holds it. */
export function storedMessage({ type, content, errorCode, errorMessage, ...row }: MessageRow): StoredMessage {
  return {
    ...row,
    content: { type, ...content } as MessageContent,
    error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' },
  }
}
