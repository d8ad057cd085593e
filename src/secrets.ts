import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Encryption at rest and the hashing of tokens. Nothing else in the house touches a cipher for storage. */
export interface Secrets {
  /** AES-256-GCM: version byte, 12 bytes of nonce, 16 of tag, ciphertext. `place` (table|row|column) is authenticated. */
  seal(plain: Uint8Array, place: string): Buffer
  /** Throws when the key, the place or a single bit differs. */
  open(sealed: Uint8Array, place: string): Buffer
  /** HMAC-SHA256 of a text, under a key of its own: who has it got it from us. */
  mac(text: string): Buffer
}

const VERSION = 1

export function createSecrets(secretKey: string): Secrets {
  const key = Buffer.from(hkdfSync('sha256', secretKey, 'wataki', 'at rest v1', 32))
  const macKey = Buffer.from(hkdfSync('sha256', secretKey, 'wataki', 'mac v1', 32))
  return {
    seal(plain, place) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place))
      const body = Buffer.concat([cipher.update(plain), cipher.final()])
      return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body])
    },
    open(sealed, place) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      if (bytes[0] !== VERSION) throw new Error(`sealed with key version ${bytes[0]}, which is not known here`)
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 13)).setAAD(Buffer.from(place))
      decipher.setAuthTag(bytes.subarray(13, 29))
      return Buffer.concat([decipher.update(bytes.subarray(29)), decipher.final()])
    },
    mac: text => createHmac('sha256', macKey).update(text).digest(),
  }
}

/** For tokens of full entropy only: API keys and links. */
export const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest()

/** The key that a development server makes for itself: kept beside its data, readable by its owner alone. */
export function secretKeyIn(dataDir: string): string {
  const path = join(dataDir, 'secret.key')
  mkdirSync(dataDir, { recursive: true })
  try {
    writeFileSync(path, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(path, 'utf8').trim()
}
