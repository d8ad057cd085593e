import type { ShownContent } from './sandbox.ts'
import { proto } from './wa.ts'

/** What a message says, read from WhatsApp's own form of it. */

export const MEDIA_FIELDS = {
  imageMessage: 'image',
  videoMessage: 'video',
  audioMessage: 'audio',
  documentMessage: 'document',
  stickerMessage: 'sticker',
} as const

export type MediaKind = (typeof MEDIA_FIELDS)[keyof typeof MEDIA_FIELDS]

/** What all kinds of media have in common. */
export interface MediaFields {
  url?: string | null
  directPath?: string | null
  mediaKey?: Uint8Array | null
  mimetype?: string | null
  fileSha256?: Uint8Array | null
  fileEncSha256?: Uint8Array | null
  caption?: string | null
  fileName?: string | null
  ptt?: boolean | null
}

/** Of the plain bytes. */
export interface Digest {
  sizeBytes: number
  /** hex */
  sha256: string
}

/** A message that only changes another one. */
export type Act =
  | { kind: 'reaction'; id: string; emoji: string }
  | { kind: 'edit'; id: string; message: proto.IMessage }
  | { kind: 'delete'; id: string }

const WRAPPERS = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'documentWithCaptionMessage',
  'editedMessage',
] as const
/** Fields that say nothing to the reader. */
const SILENT = new Set(['messageContextInfo', 'senderKeyDistributionMessage'])
const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type

export function unwrap(message: proto.IMessage): proto.IMessage {
  for (const field of WRAPPERS) {
    const inner = message[field]?.message
    if (inner) return unwrap(inner)
  }
  return message
}

export function mediaIn(outer: proto.IMessage): { field: string; kind: MediaKind; media: MediaFields } | undefined {
  const message = unwrap(outer)
  for (const [field, kind] of Object.entries(MEDIA_FIELDS)) {
    const media = message[field as keyof typeof MEDIA_FIELDS]
    if (media) return { field, kind, media }
  }
  return undefined
}

/** `media`: what the bytes were, null when they could not be had. */
export function contentOf(outer: proto.IMessage, media: Digest | null = null): ShownContent {
  const message = unwrap(outer)
  const text = message.conversation || message.extendedTextMessage?.text
  if (text) return { type: 'text', text }
  const found = mediaIn(message)
  if (found && media) {
    const { mimetype, caption, fileName, ptt } = found.media
    return {
      type: found.kind,
      media: { mimeType: mimetype ?? '', ...media },
      caption: caption || null,
      filename: fileName || null,
      ptt: ptt ?? false,
    }
  }
  const place = message.locationMessage
  if (place) {
    const { degreesLatitude, degreesLongitude, name, address } = place
    const where = { latitude: degreesLatitude ?? 0, longitude: degreesLongitude ?? 0 }
    return { type: 'location', ...where, name: name || null, address: address || null }
  }
  const cards = message.contactMessage ? [message.contactMessage] : message.contactsArrayMessage?.contacts
  if (cards) return { type: 'contacts', contacts: cards.map(contactOf) }
  const fields = Object.entries(message).filter(
    ([name, value]) => value !== null && value !== undefined && !SILENT.has(name),
  )
  return { type: 'unsupported', kind: fields[0]?.[0] ?? 'empty' }
}

function contactOf({ displayName, vcard }: proto.Message.IContactMessage): { name: string; phone: string | null } {
  const line = /^(?:item\d+\.)?TEL([^:\r\n]*):([^\r\n]*)/im.exec(vcard ?? '')
  const digits = (/waid=(\d+)/i.exec(line?.[1] ?? '')?.[1] ?? line?.[2] ?? '').replace(/\D/g, '')
  const name = displayName || /^FN[^:\r\n]*:([^\r\n]*)/im.exec(vcard ?? '')?.[1] || ''
  return { name, phone: digits === '' ? null : `+${digits}` }
}

export function actIn(outer: proto.IMessage): Act | null {
  const { reactionMessage, protocolMessage } = unwrap(outer)
  if (reactionMessage?.key?.id) {
    return { kind: 'reaction', id: reactionMessage.key.id, emoji: reactionMessage.text ?? '' }
  }
  const id = protocolMessage?.key?.id
  if (!protocolMessage || !id) return null
  const { type, editedMessage } = protocolMessage
  if (type === MESSAGE_EDIT && editedMessage) return { kind: 'edit', id, message: editedMessage }
  return type === REVOKE ? { kind: 'delete', id } : null
}

/** WhatsApp's id of the message that this one answers. */
export function quotedIn(outer: proto.IMessage): string | null {
  for (const part of Object.values(unwrap(outer))) {
    const id = (part as { contextInfo?: proto.IContextInfo } | null)?.contextInfo?.stanzaId
    if (id) return id
  }
  return null
}

/** Whether there is anything in it for a reader, beyond keys. */
export const isShown = (message: proto.IMessage): boolean =>
  Object.entries(message).some(
    ([name, value]) => value !== null && value !== undefined && value !== '' && !SILENT.has(name),
  )

/** What of it can be read as text, for whoever watches from inside. */
export function readable(outer: proto.IMessage): string {
  const m = unwrap(outer)
  return m.conversation || m.extendedTextMessage?.text || mediaIn(m)?.media.caption || m.reactionMessage?.text || ''
}

export const textIn = (outer: proto.IMessage): string => {
  const m = unwrap(outer)
  return m.conversation || m.extendedTextMessage?.text || ''
}
