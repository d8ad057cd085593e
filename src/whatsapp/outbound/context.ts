import type { proto } from '@whiskeysockets/baileys'
import { isGroup } from '../jid.ts'
import { writeVcard } from '../vcard.ts'
import type { InboundContent, MessageExtras, MessageKey } from '../whatsapp.ts'

/** A message as others name it. Who wrote it is told only where several write. */
export function keyOf({ whatsappId, chat, fromMe, sender }: MessageKey): proto.IMessageKey {
  const participant = isGroup(chat) && !fromMe ? { participant: sender } : {}
  return { id: whatsappId, remoteJid: chat, fromMe, ...participant }
}

/** Which message is answered, and who is mentioned; undefined when neither. */
export function contextOf({ quoted, mentions = [] }: MessageExtras): proto.IContextInfo | undefined {
  if (!quoted && mentions.length === 0) return undefined
  const answer = quoted && {
    stanzaId: quoted.key.whatsappId,
    participant: quoted.key.sender,
    quotedMessage: excerptOf(quoted.content),
  }
  return { ...answer, ...(mentions.length > 0 ? { mentionedJid: mentions } : {}) }
}

const EXCERPT_LENGTH = 1024

/** Enough of a message for its answer to show it; whoever has the message itself shows that. */
function excerptOf(content: InboundContent): proto.IMessage {
  switch (content.type) {
    case 'text':
      return { conversation: content.text.slice(0, EXCERPT_LENGTH) }
    case 'image':
    case 'video':
    case 'document': {
      const { mimeType, filename, thumbnail, seconds } = content.media
      const caption = content.caption?.slice(0, EXCERPT_LENGTH) ?? null
      const shown = { mimetype: mimeType, caption, jpegThumbnail: thumbnail }
      if (content.type === 'image') return { imageMessage: shown }
      if (content.type === 'video') return { videoMessage: { ...shown, seconds } }
      return { documentMessage: { ...shown, fileName: filename, title: filename } }
    }
    case 'audio': {
      const { mimeType, seconds } = content.media
      return { audioMessage: { mimetype: mimeType, seconds, ptt: content.ptt } }
    }
    case 'sticker':
      return { stickerMessage: { mimetype: content.media.mimeType } }
    case 'location': {
      const { latitude, longitude, name, address } = content
      return { locationMessage: { degreesLatitude: latitude, degreesLongitude: longitude, name, address } }
    }
    case 'contacts':
      return contactsOf(content.contacts.map(({ name, phone }) => ({ name, phone: phone ?? '' })))
    case 'unsupported':
      return { conversation: '' }
  }
}

/** One person has a message of its own; several share one. */
export function contactsOf(
  contacts: { name: string; phone: string }[],
  contextInfo?: proto.IContextInfo,
): proto.IMessage {
  const cards = contacts.map(contact => ({ displayName: contact.name, vcard: writeVcard(contact) }))
  const [card] = cards
  const context = contextInfo && { contextInfo }
  if (cards.length === 1 && card) return { contactMessage: { ...card, ...context } }
  return { contactsArrayMessage: { displayName: `${cards.length} contacts`, contacts: cards, ...context } }
}
