import { hkdfSync } from 'node:crypto'

/** What bytes are, as far as their keys are concerned: a kind's keys open no other's. */
export type MediaKind = 'image' | 'video' | 'audio' | 'document' | 'sticker' | 'history'

const INFO: Record<MediaKind, string> = {
  image: 'WhatsApp Image Keys',
  sticker: 'WhatsApp Image Keys',
  video: 'WhatsApp Video Keys',
  audio: 'WhatsApp Audio Keys',
  document: 'WhatsApp Document Keys',
  history: 'WhatsApp History Keys',
}

/** More than this is neither sent nor fetched. */
export const MAX_MEDIA_BYTES = 100 * 1024 * 1024

/** How many bytes of the HMAC stand behind the ciphertext. */
export const MAC_BYTES = 10

export function mediaKeys(mediaKey: Uint8Array, kind: MediaKind): { iv: Buffer; cipherKey: Buffer; macKey: Buffer } {
  const all = Buffer.from(hkdfSync('sha256', mediaKey, Buffer.alloc(32), INFO[kind], 112))
  return { iv: all.subarray(0, 16), cipherKey: all.subarray(16, 48), macKey: all.subarray(48, 80) }
}
