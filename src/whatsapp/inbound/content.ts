import type { proto } from '@whiskeysockets/baileys'
import { isGroup, isPerson, plainJid } from '../jid.ts'
import type { MediaKind } from '../media/kind.ts'
import { packReference } from '../media/reference.ts'
import { filenameOf, idOf, mimeTypeOf, nameOf, wordsOf } from '../text.ts'
import { readVcard } from '../vcard.ts'
import type { InboundContent, InboundMedia } from '../whatsapp.ts'

/** Envelopes around the message proper, each with the message in `message`. */
const WRAPPERS = [
  'deviceSentMessage',
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'editedMessage',
  'associatedChildMessage',
  'groupMentionedMessage',
  'lottieStickerMessage',
  'botInvokeMessage',
] as const

/** Fields that go along with a message, or alone: never a message themselves. */
const NOT_CHAT = new Set([
  'senderKeyDistributionMessage',
  'messageContextInfo',
  'protocolMessage',
  'fastRatchetKeySenderKeyDistributionMessage',
])

export function unwrap(message: proto.IMessage): proto.IMessage {
  let inner = message
  // Wrappers nest: a view-once message in a disappearing chat, sent from the phone, has three.
  for (let depth = 0; depth < 8; depth++) {
    const wrapper = WRAPPERS.find(name => inner[name]?.message)
    if (!wrapper) break
    inner = inner[wrapper]!.message!
  }
  return inner
}

/** What a message shows; null when it is none. */
export function contentOf(outer: proto.IMessage): InboundContent | null {
  const message = unwrap(outer)
  const text = message.conversation || message.extendedTextMessage?.text
  if (text) return { type: 'text', text: wordsOf(text) }
  const known = mediaOf(message) ?? placeOf(message) ?? contactsOf(message)
  if (known) return known
  const kind = Object.entries(message).find(
    ([name, value]) => value != null && value !== '' && !NOT_CHAT.has(name),
  )?.[0]
  return kind ? { type: 'unsupported', kind } : null
}

function mediaOf(message: proto.IMessage): InboundContent | null {
  const { imageMessage, audioMessage, documentMessage, stickerMessage } = message
  const videoMessage = message.videoMessage ?? message.ptvMessage
  if (imageMessage) return { type: 'image', media: described(imageMessage, 'image'), caption: captionOf(imageMessage) }
  if (videoMessage) return { type: 'video', media: described(videoMessage, 'video'), caption: captionOf(videoMessage) }
  if (audioMessage) return { type: 'audio', media: described(audioMessage, 'audio'), ptt: audioMessage.ptt === true }
  if (documentMessage)
    return { type: 'document', media: described(documentMessage, 'document'), caption: captionOf(documentMessage) }
  return stickerMessage ? { type: 'sticker', media: described(stickerMessage, 'sticker') } : null
}

const captionOf = ({ caption }: { caption?: string | null }): string | null => (caption ? wordsOf(caption) : null)

/** The fields that some kind of media has. */
interface Described {
  mimetype?: string | null
  fileLength?: number | { toString(): string } | null
  fileSha256?: Uint8Array | null
  mediaKey?: Uint8Array | null
  directPath?: string | null
  url?: string | null
  fileName?: string | null
  title?: string | null
  seconds?: number | null
  jpegThumbnail?: Uint8Array | null
  pngThumbnail?: Uint8Array | null
}

const MAX_THUMBNAIL_BYTES = 64 * 1024
const MAX_SECONDS = 2 ** 31 - 1

function described(media: Described, kind: MediaKind): InboundMedia {
  const announced = Number(media.fileLength ?? 0)
  const sizeBytes = Number.isSafeInteger(announced) && announced > 0 ? announced : 0
  const sha256 = media.fileSha256?.length === 32 ? media.fileSha256 : null
  const { directPath = null, url = null, seconds, mediaKey } = media
  return {
    mimeType: mimeTypeOf(media.mimetype),
    sizeBytes,
    sha256,
    filename: filenameOf(media.fileName ?? media.title),
    seconds: seconds && seconds > 0 && seconds <= MAX_SECONDS ? seconds : null,
    thumbnail: jpegOf(media.jpegThumbnail),
    reference: packReference({ kind, directPath, url, mediaKey: mediaKey ?? Buffer.alloc(0), sha256, sizeBytes }),
  }
}

const jpegOf = (bytes: Uint8Array | null | undefined): Uint8Array | null =>
  bytes && bytes[0] === 0xff && bytes[1] === 0xd8 && bytes.length <= MAX_THUMBNAIL_BYTES ? bytes : null

function placeOf({ locationMessage, liveLocationMessage }: proto.IMessage): InboundContent | null {
  const place = locationMessage ?? liveLocationMessage
  if (!place) return null
  const [latitude, longitude] = [place.degreesLatitude ?? 0, place.degreesLongitude ?? 0]
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return { type: 'unsupported', kind: 'locationMessage' }
  const name = nameOf(locationMessage?.name ?? liveLocationMessage?.caption, 1024)
  return { type: 'location', latitude, longitude, name, address: nameOf(locationMessage?.address, 1024) }
}

const MAX_CONTACTS = 500

function contactsOf({ contactMessage, contactsArrayMessage }: proto.IMessage): InboundContent | null {
  const cards = contactMessage ? [contactMessage] : contactsArrayMessage?.contacts
  if (!cards) return null
  const contacts = cards.slice(0, MAX_CONTACTS).map(({ displayName, vcard }) => {
    const card = readVcard(vcard ?? '')
    return { name: nameOf(displayName) ?? card.name ?? '', phone: card.phone }
  })
  return { type: 'contacts', contacts }
}

const MAX_MENTIONS = 1024

/** Which message is answered, and who is mentioned: it stands in whichever part of the message has a context. */
export function contextOf(outer: proto.IMessage): { quotedWhatsappId: string | null; mentions: string[] } {
  const parts = Object.values(unwrap(outer)) as ({ contextInfo?: proto.IContextInfo | null } | null)[]
  const context = parts.find(part => part?.contextInfo)?.contextInfo
  const mentions = (context?.mentionedJid ?? []).slice(0, MAX_MENTIONS).map(jid => plainJid(jid))
  return {
    quotedWhatsappId: idOf(context?.stanzaId),
    mentions: mentions.filter(jid => jid !== null).filter(jid => isPerson(jid) || isGroup(jid)),
  }
}
