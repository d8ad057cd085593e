import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import type { Digest, MediaFields, MediaKind } from './content.ts'
import { hkdf } from './curve.ts'
import { getMediaKeys } from './wa.ts'

/** How media is encrypted: AES-256-CBC and the first ten bytes of an HMAC, with keys made of one media key. */

/** `md-msg-hist`: a piece of the history that a phone gives a new device. */
type Kind = MediaKind | 'md-msg-hist'

const MAC_BYTES = 10
const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

export const digestOf = (plain: Uint8Array): Digest => ({
  sizeBytes: plain.length,
  sha256: sha256(plain).toString('hex'),
})

export async function encryptMedia(plain: Uint8Array, kind: Kind) {
  const mediaKey = randomBytes(32)
  const { iv, cipherKey, macKey } = await getMediaKeys(mediaKey, kind)
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  const mac = createHmac('sha256', macKey!).update(iv).update(body).digest().subarray(0, MAC_BYTES)
  const blob = Buffer.concat([body, mac])
  return { blob, mediaKey, fileSha256: sha256(plain), fileEncSha256: sha256(blob), fileLength: plain.length }
}

/** Refuses what is not what the sender says it is. */
export async function decryptMedia(blob: Buffer, media: MediaFields, kind: Kind): Promise<Buffer> {
  const { mediaKey, fileSha256, fileEncSha256 } = media
  if (!mediaKey?.length) throw new Error('the media has no key')
  if (fileEncSha256?.length && !sha256(blob).equals(fileEncSha256)) throw new Error('the media is another file')
  const { iv, cipherKey, macKey } = await getMediaKeys(Buffer.from(mediaKey), kind)
  const body = blob.subarray(0, -MAC_BYTES)
  const mac = createHmac('sha256', macKey!).update(iv).update(body).digest().subarray(0, MAC_BYTES)
  if (!mac.equals(blob.subarray(-MAC_BYTES))) throw new Error('the MAC of the media is wrong')
  const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv)
  const plain = Buffer.concat([decipher.update(body), decipher.final()])
  if (fileSha256?.length && !sha256(plain).equals(fileSha256)) throw new Error('the hash of the media is wrong')
  return plain
}

/** Under this a device and its phone speak about media that the host has no more. */
export const mediaRetryKey = (mediaKey: Uint8Array): Buffer =>
  hkdf(Buffer.from(mediaKey), 32, { info: 'WhatsApp Media Retry Notification' })
