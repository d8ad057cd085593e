import { randomBytes } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import type { MessageExtras, OutboundContent } from '../whatsapp.ts'
import { contactsOf, contextOf, keyOf } from './context.ts'

const { MESSAGE_EDIT, REVOKE } = proto.Message.ProtocolMessage.Type

export const compose = (content: OutboundContent, extras: MessageExtras = {}): Uint8Array =>
  content.type === 'reaction' || content.type === 'edit' || content.type === 'delete'
    ? proto.Message.encode(about(content)).finish()
    : sealed(shown(content, contextOf(extras)))

/** With the secret that reactions and reports refer to: drawn once, so that each try is the same. */
export const sealed = (message: proto.IMessage): Uint8Array =>
  proto.Message.encode({ ...message, messageContextInfo: { messageSecret: randomBytes(32) } }).finish()

type About = Extract<OutboundContent, { type: 'reaction' | 'edit' | 'delete' }>

function shown(content: Exclude<OutboundContent, About>, context: proto.IContextInfo | undefined): proto.IMessage {
  const contextInfo = context && { contextInfo: context }
  switch (content.type) {
    case 'text':
      return { extendedTextMessage: { text: content.text, ...contextInfo } }
    case 'location': {
      const { latitude, longitude, name, address } = content
      const place = { degreesLatitude: latitude, degreesLongitude: longitude, name, address }
      return { locationMessage: { ...place, ...contextInfo } }
    }
    case 'contacts':
      return contactsOf(content.contacts, context)
  }
}

/** What says something about another message, and is none itself. */
function about(content: About): proto.IMessage {
  const key = keyOf(content.target)
  switch (content.type) {
    case 'reaction':
      return { reactionMessage: { key, text: content.emoji, senderTimestampMs: content.at.getTime() } }
    case 'edit': {
      const editedMessage = edited(content)
      return { protocolMessage: { key, type: MESSAGE_EDIT, editedMessage, timestampMs: content.at.getTime() } }
    }
    case 'delete':
      return { protocolMessage: { key, type: REVOKE } }
  }
}

function edited({ text, media }: Extract<About, { type: 'edit' }>): proto.IMessage {
  switch (media) {
    case 'image':
      return { imageMessage: { caption: text } }
    case 'video':
      return { videoMessage: { caption: text } }
    case 'document':
      return { documentMessage: { caption: text } }
    default:
      return { extendedTextMessage: { text } }
  }
}

export const sentMessage = (payload: Uint8Array | null): proto.IMessage | undefined =>
  payload ? proto.Message.decode(payload) : undefined
