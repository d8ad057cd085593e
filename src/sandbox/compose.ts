import type { Digest } from './content.ts'
import { digestOf, encryptMedia } from './media-keys.ts'
import { type ContactContent, SandboxError } from './sandbox.ts'
import type { Simulator } from './simulator.ts'
import type { proto } from './wa.ts'

/** A message as it goes on the wire, and what the server is told of its kind. */
export interface Composed {
  message: proto.IMessage
  type: 'text' | 'media'
  mediatype?: string
  /** Of media: what the bytes are. */
  media?: Digest
}

type MediaContent = Extract<ContactContent, { bytes: string }>

export const MAX_TEXT = 65_536
const MAX_CONTACTS = 100
export const MAX_MEDIA_BYTES = 16 * 1024 * 1024
const MAX_LINE = 1_000

const invalid = (message: string) => new SandboxError('invalid', message)

/** What a person writes, as a message; media goes to the media host, under the name of the chat that it is for. */
export async function compose(
  sim: Simulator,
  { content, owner, quoted }: { content: ContactContent; owner: string; quoted?: proto.IContextInfo | undefined },
): Promise<Composed> {
  const contextInfo = quoted
  switch (content?.type) {
    case 'text': {
      const text = line(content.text, 'text', MAX_TEXT)
      if (text === '') throw invalid('text is missing')
      const message = contextInfo ? { extendedTextMessage: { text, contextInfo } } : { conversation: text }
      return { message, type: 'text' }
    }
    case 'location':
      return { message: { locationMessage: { ...place(content), contextInfo } }, type: 'media', mediatype: 'location' }
    case 'contacts':
      return cards(content.contacts, contextInfo)
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
    case 'sticker':
      return media(sim, content, { owner, contextInfo })
    default:
      throw invalid('content is of no known type')
  }
}

async function media(
  sim: Simulator,
  content: MediaContent,
  { owner, contextInfo }: { owner: string; contextInfo: proto.IContextInfo | undefined },
): Promise<Composed> {
  const { type, mimeType } = content
  if (typeof content.bytes !== 'string' || typeof mimeType !== 'string') throw invalid('bytes or mimeType is missing')
  const bytes = Buffer.from(content.bytes, 'base64')
  if (bytes.length === 0) throw invalid('bytes is no base64, or empty')
  if (bytes.length > MAX_MEDIA_BYTES) throw invalid(`media has at most ${MAX_MEDIA_BYTES} bytes`)
  const caption = optional(content.caption, 'caption', MAX_TEXT)
  const fileName = optional(content.filename, 'filename', MAX_LINE)
  const { blob, ...keys } = await encryptMedia(bytes, type)
  const where = await sim.media.publish(owner, blob)
  const common = { ...where, ...keys, mimetype: mimeType, mediaKeyTimestamp: sim.now(), contextInfo }
  const seconds = content.seconds ?? undefined
  const ptt = content.ptt === true
  const message: Record<MediaContent['type'], proto.IMessage> = {
    image: { imageMessage: { ...common, caption } },
    video: { videoMessage: { ...common, caption, seconds } },
    audio: { audioMessage: { ...common, seconds, ptt } },
    document: { documentMessage: { ...common, caption, fileName, title: fileName } },
    sticker: { stickerMessage: common },
  }
  const mediatype = type === 'audio' && ptt ? 'ptt' : type
  return { message: message[type], type: 'media', mediatype, media: digestOf(bytes) }
}

function place(content: Extract<ContactContent, { type: 'location' }>): proto.Message.ILocationMessage {
  const { latitude, longitude } = content
  if (!(Math.abs(latitude) <= 90) || !(Math.abs(longitude) <= 180)) throw invalid('latitude or longitude is no such')
  const name = optional(content.name, 'name', MAX_LINE)
  const address = optional(content.address, 'address', MAX_LINE)
  return { degreesLatitude: latitude, degreesLongitude: longitude, name, address }
}

function cards(contacts: { name: string; phone: string }[], contextInfo: proto.IContextInfo | undefined): Composed {
  if (!Array.isArray(contacts) || contacts.length === 0 || contacts.length > MAX_CONTACTS) {
    throw invalid(`contacts are 1 to ${MAX_CONTACTS}`)
  }
  const all = contacts.map(({ name, phone }) => {
    const displayName = line(name, 'name', MAX_LINE)
    const digits = line(phone, 'phone', MAX_LINE).replace(/\D/g, '')
    const tel = `TEL;type=CELL;type=VOICE;waid=${digits}:+${digits}`
    return { displayName, vcard: `BEGIN:VCARD\nVERSION:3.0\nFN:${displayName}\n${tel}\nEND:VCARD` }
  })
  const [only] = all
  if (all.length === 1) {
    return { message: { contactMessage: { ...only, contextInfo } }, type: 'media', mediatype: 'vcard' }
  }
  const contactsArrayMessage = { displayName: `${all.length} contacts`, contacts: all, contextInfo }
  return { message: { contactsArrayMessage }, type: 'media', mediatype: 'contact_array' }
}

function line(value: unknown, name: string, max: number): string {
  if (typeof value !== 'string') throw invalid(`${name} is missing`)
  if (value.length > max) throw invalid(`${name} is longer than ${max}`)
  return value
}

const optional = (value: string | null | undefined, name: string, max: number): string | undefined =>
  value === null || value === undefined || value === '' ? undefined : line(value, name, max)
