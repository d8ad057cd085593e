import type { App } from '../../context.ts'
import { findMessage, type MessageRow } from '../../db/queries/messages.ts'
import type { InboundContent, InboundMedia, MessageExtras, MessageKey } from '../../whatsapp/whatsapp.ts'
import type { MessageContent } from './shape.ts'
import { storedMessage } from './stored.ts'

/** How WhatsApp names a message. */
export const keyOf = (row: Pick<MessageRow, 'whatsappId' | 'chatId' | 'direction' | 'sender'>): MessageKey => ({
  whatsappId: row.whatsappId,
  chat: row.chatId,
  fromMe: row.direction === 'outbound',
  sender: row.sender,
})

/** What goes along with a message: the one that it answers, and who is mentioned. */
export async function extrasOf(
  app: Pick<App, 'db'>,
  row: Pick<MessageRow, 'tenantId' | 'instanceId' | 'quotedMessageId' | 'mentions'>,
): Promise<MessageExtras> {
  const { tenantId, instanceId, quotedMessageId } = row
  const quoted = quotedMessageId
    ? await findMessage(app.db.sql, { tenantId, instanceId, messageId: quotedMessageId })
    : null
  return {
    quoted: quoted && { key: keyOf(quoted), content: quotable(storedMessage(quoted).content) },
    mentions: row.mentions,
  }
}

/** A quote shows what was said, and of media only that there were some. */
function quotable(content: MessageContent): InboundContent {
  if (!('media' in content)) return content
  const { mimeType, sizeBytes } = content.media
  const filename = content.type === 'document' ? content.filename : null
  const media: InboundMedia = {
    mimeType,
    sizeBytes,
    filename,
    sha256: null,
    seconds: null,
    thumbnail: null,
    reference: new Uint8Array(),
  }
  return { ...content, media } as InboundContent
}
