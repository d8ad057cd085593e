import { randomBytes } from 'node:crypto'
import { proto } from '@whiskeysockets/baileys'
import type { OutboundContent } from '../whatsapp.ts'

/** The message with its secret, which reactions and reports refer to: drawn once, so that each try is the same. */
export function compose(content: OutboundContent): Uint8Array {
  return proto.Message.encode({
    extendedTextMessage: { text: content.text },
    messageContextInfo: { messageSecret: randomBytes(32) },
  }).finish()
}

export const sentMessage = (payload: Uint8Array | null): proto.IMessage | undefined =>
  payload ? proto.Message.decode(payload) : undefined
