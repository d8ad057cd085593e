import type { MessageRow } from '../../db/queries/messages.ts'
import type { MessageContent, StoredMessage } from './shape.ts'

/** The row of the table as the house holds it. */
export function storedMessage({
  type,
  content,
  reactions,
  errorCode,
  errorMessage,
  ...row
}: MessageRow): StoredMessage {
  return {
    ...row,
    content: { type, ...located(content, row.instanceId) } as MessageContent,
    reactions: reactions
      .filter(({ emoji }) => emoji !== '')
      .map(({ sender, emoji, at }) => ({ sender, emoji, at: new Date(at) })),
    error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' },
  }
}

/** Media are found by their instance, too. */
const located = (content: Record<string, unknown>, instanceId: string): Record<string, unknown> =>
  content.media ? { ...content, media: { ...(content.media as object), instanceId } } : content

/** Content as a row keeps it: the type stands in a column of its own. */
export function keptContent(content: MessageContent): { type: string; content: Record<string, unknown> } {
  const { type, ...rest } = content
  return { type, content: rest }
}
