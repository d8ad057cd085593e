import { createDecipheriv, createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { Transform } from 'node:stream'
import type { BrokenMedia } from '../whatsapp.ts'
import { MAC_BYTES, type MediaKind, mediaKeys } from './kind.ts'

class Broken extends Error implements BrokenMedia {
  override name = 'BrokenMedia' as const
}

/**
 * Turns what WhatsApp has into the plain bytes as it comes. That they are the sender's is known only at the end:
 * the stream ends with an error if the MAC or the announced hash does not fit.
 */
export function decrypting(options: {
  mediaKey: Uint8Array
  kind: MediaKind
  sha256: Uint8Array | null
  maxBytes: number
}): Transform {
  const { iv, cipherKey, macKey } = mediaKeys(options.mediaKey, options.kind)
  const decipher = createDecipheriv('aes-256-cbc', cipherKey, iv)
  const mac = createHmac('sha256', macKey).update(iv)
  const hash = createHash('sha256')
  /** What may be the MAC: it is known for what it is only when nothing follows. */
  let tail: Buffer = Buffer.alloc(0)
  let taken = 0
  const opened = (plain: Buffer): Buffer => {
    hash.update(plain)
    return plain
  }
  const finish = (): Buffer => {
    if (tail.length < MAC_BYTES || !timingSafeEqual(mac.digest().subarray(0, MAC_BYTES), tail))
      throw new Broken('the MAC of the media is wrong')
    const plain = opened(decipher.final())
    if (options.sha256 && !hash.digest().equals(options.sha256))
      throw new Broken('the media is not what its sender hashed')
    return plain
  }
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      taken += chunk.length
      if (taken > options.maxBytes) return done(new Broken('the media is larger than announced'))
      const all = tail.length > 0 ? Buffer.concat([tail, chunk]) : chunk
      const body = all.subarray(0, Math.max(0, all.length - MAC_BYTES))
      tail = Buffer.from(all.subarray(body.length))
      mac.update(body)
      done(null, opened(decipher.update(body)))
    },
    flush(done) {
      try {
        done(null, finish())
      } catch (error) {
        done(error as Error)
      }
    },
  })
}
