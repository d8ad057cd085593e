import type { KeptReaction, MessageRow } from '../../db/queries/messages.ts'
import type { MessageContent, Reaction, StoredMessage } from './shape.ts'

/** The row of the table as the house holds it. Copied whole: to leave out what is told otherwise would cost a page its time. */
export function storedMessage(row: MessageRow): StoredMessage {
  const { type, content, reactions, errorCode, errorMessage } = row
  return {
    ...row,
    content: { type, ...located(content, row.instanceId) } as MessageContent,
    reactions: reactions.length === 0 ? [] : reactions.filter(({ emoji }) => emoji !== '').map(shownReaction),
    error: errorCode === null ? null : { code: errorCode, message: errorMessage ?? '' },
  }
}

const shownReaction = ({ sender, emoji, at }: KeptReaction): Reaction => ({ sender, emoji, at: new Date(at) })

/** Media are found by their instance, too. */
const located = (content: Record<string, unknown>, instanceId: string): Record<string, unknown> =>
  content.media ? { ...content, media: { ...(content.media as object), instanceId } } : content

/** Content as a row keeps it: the type stands in a column of its own. */
export function keptContent(content: MessageContent): { type: string; content: Record<string, unknown> } {
  const { type, ...rest } = content
  return { type, content: rest }
}
