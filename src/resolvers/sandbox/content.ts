import { buffer } from 'node:stream/consumers'
import type { Context } from '../../context.ts'
import { invalid } from '../../errors.ts'
import type { ContactContent } from '../../sandbox/sandbox.ts'
import { phoneDigits } from '../chats/chat-id.ts'
import { openStored } from '../media/openStored.ts'
import { findSendable } from '../media/sendable.ts'
import type { ContentInput, SendableType } from '../messages/content.ts'

/** Contacts send stickers too. */
export type ContactType = SendableType | 'sticker'

/** WhatsApp takes no more, and all of it is held in memory on the way to the phone. */
const MAX_BYTES = 16 * 1024 * 1024
const FIELD = 'content.media.mediaId'

/** What the contact is to send; which fields a type asks for is checked at the door. */
export async function contactContent(
  ctx: Context,
  of: { instanceId: string; type: ContactType; content: ContentInput },
): Promise<ContactContent> {
  const { type, content } = of
  switch (type) {
    case 'text':
      return { type, text: content.text! }
    case 'location': {
      const { latitude, longitude, name = null, address = null } = content
      return { type, latitude: latitude!, longitude: longitude!, name, address }
    }
    case 'contacts':
      return {
        type,
        contacts: content.contacts!.map(({ name, phone }) => ({ name: name.trim(), phone: phoneDigits(phone)! })),
      }
    default:
      return mediaContent(ctx, { ...of, type })
  }
}

async function mediaContent(
  ctx: Context,
  of: { instanceId: string; type: Exclude<ContactType, 'text' | 'location' | 'contacts'>; content: ContentInput },
): Promise<ContactContent> {
  const { instanceId, type, content } = of
  const at = { instanceId, mediaId: content.media!.mediaId }
  // a sticker is a picture as far as its bytes go
  const found = await findSendable(ctx, { ...at, type: type === 'sticker' ? 'image' : type })
  if (found.sizeBytes > MAX_BYTES) throw invalid({ [FIELD]: `is larger than ${MAX_BYTES} bytes` })
  const { mimeType, filename, open } = await openStored(ctx, at)
  return {
    type,
    bytes: (await buffer(await open())).toString('base64'),
    mimeType,
    caption: content.caption ?? null,
    filename: type === 'document' ? (content.filename ?? filename ?? 'file') : null,
    ptt: content.ptt ?? false,
    seconds: found.seconds,
  }
}
