import type { Context } from '../../context.ts'
import type { OutboundContent } from '../../whatsapp/whatsapp.ts'
import { phoneDigits } from '../chats/chat-id.ts'
import { findSendable } from '../media/sendable.ts'
import type { MessageContent } from './shape.ts'

export type SendableType = 'text' | 'image' | 'video' | 'audio' | 'document' | 'location' | 'contacts'

/** What a caller may write; which of it a type asks for is checked at the door. */
export interface ContentInput {
  text?: string | null
  media?: { mediaId: string } | null
  caption?: string | null
  ptt?: boolean | null
  filename?: string | null
  latitude?: number | null
  longitude?: number | null
  name?: string | null
  address?: string | null
  contacts?: { name: string; phone: string }[] | null
}

/** A message before it is stored. */
export interface Prepared {
  content: MessageContent
  /** Null: media, whose bytes WhatsApp gets on the way. */
  outbound: OutboundContent | null
  mediaId: string | null
}

/** Rejects with 400 when the media are not there, or not of the kind that the type says. */
export async function prepare(
  ctx: Context,
  of: { instanceId: string; type: SendableType; content: ContentInput },
): Promise<Prepared> {
  const { type, content } = of
  switch (type) {
    case 'text': {
      const text = { type, text: content.text! } as const
      return { content: text, outbound: text, mediaId: null }
    }
    case 'location': {
      const { latitude, longitude, name = null, address = null } = content
      const place = { type, latitude: latitude!, longitude: longitude!, name, address } as const
      return { content: place, outbound: place, mediaId: null }
    }
    case 'contacts': {
      const contacts = content.contacts!.map(({ name, phone }) => ({
        name: name.trim(),
        phone: `+${phoneDigits(phone)}`,
      }))
      return { content: { type, contacts }, outbound: { type, contacts }, mediaId: null }
    }
    default:
      return prepareMedia(ctx, { ...of, type })
  }
}

async function prepareMedia(
  ctx: Context,
  of: { instanceId: string; type: 'image' | 'video' | 'audio' | 'document'; content: ContentInput },
): Promise<Prepared> {
  const { type, content, instanceId } = of
  const mediaId = content.media!.mediaId
  const { mimeType, sizeBytes, filename } = await findSendable(ctx, { instanceId, mediaId, type })
  const media = { mediaId, mimeType, sizeBytes }
  const caption = content.caption ?? null
  const made: MessageContent =
    type === 'audio'
      ? { type, media, caption: null, ptt: content.ptt ?? false }
      : type === 'document'
        ? { type, media, caption, filename: content.filename ?? filename ?? 'file' }
        : { type, media, caption }
  return { content: made, outbound: null, mediaId }
}
