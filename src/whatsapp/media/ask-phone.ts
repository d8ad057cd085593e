import { setTimeout as sleep } from 'node:timers/promises'
import {
  type BaileysEventMap,
  decryptMediaRetryData,
  encryptMediaRetryRequest,
  proto,
  type WASocket,
} from '@whiskeysockets/baileys'
import type { MessageKey, PhoneAnswer } from '../whatsapp.ts'

const WAIT_MS = 20_000

/** Asks the account's phone to upload media once more. Null: it says nothing. */
export async function askPhone(
  socket: WASocket,
  { key, mediaKey, waitMs = WAIT_MS }: { key: MessageKey; mediaKey: Uint8Array; waitMs?: number | undefined },
): Promise<PhoneAnswer> {
  const me = socket.authState.creds.me?.id
  if (!me) return null
  const waypoint = { id: key.whatsappId, remoteJid: key.chat, fromMe: key.fromMe }
  const inGroup = key.chat.endsWith('@g.us') ? { participant: key.sender } : {}
  const answered = Promise.withResolvers<PhoneAnswer>()
  const listen = (updates: BaileysEventMap['messages.media-update']) => {
    const mine = updates.find(update => update.key.id === key.whatsappId)
    if (mine) answered.resolve(mine.media ? placeIn(mine.media, mediaKey, key.whatsappId) : 'has_not')
  }
  const over = new AbortController()
  socket.ev.on('messages.media-update', listen)
  try {
    await socket.sendNode(encryptMediaRetryRequest({ ...waypoint, ...inGroup }, Buffer.from(mediaKey), me))
    const silence = sleep(waitMs, null, { signal: over.signal }).catch(() => null)
    return await Promise.race([answered.promise, silence])
  } finally {
    over.abort()
    socket.ev.off('messages.media-update', listen)
  }
}

function placeIn(
  sealed: { ciphertext: Uint8Array; iv: Uint8Array },
  mediaKey: Uint8Array,
  whatsappId: string,
): PhoneAnswer {
  try {
    const { result, directPath } = decryptMediaRetryData(sealed, mediaKey, whatsappId)
    return result === proto.MediaRetryNotification.ResultType.SUCCESS && directPath ? { directPath } : 'has_not'
  } catch {
    return 'has_not'
  }
}
