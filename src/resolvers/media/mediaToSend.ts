import type { App } from '../../context.ts'
import { ApiError } from '../../errors.ts'
import type { OutboundMedia } from '../../whatsapp/whatsapp.ts'
import type { StoredMessage } from '../messages/shape.ts'
import { findSendable } from './sendable.ts'

/** What an accepted message says, for WhatsApp's media host. Null: the media are gone, or the message has none. */
export async function mediaToSend(app: App, { instanceId, content }: StoredMessage): Promise<OutboundMedia | null> {
  if (!('media' in content) || content.type === 'sticker') return null
  const { type, media } = content
  const { mediaId } = media
  const found = await findSendable(app, { instanceId, mediaId, type }).catch(error => {
    if (error instanceof ApiError && error.code === 'validation_error') return null
    throw error
  })
  if (!found) return null
  return {
    ...found,
    caption: content.caption,
    filename: content.type === 'document' ? content.filename : found.filename,
    ptt: content.type === 'audio' && content.ptt,
  }
}
