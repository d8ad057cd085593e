import { createCipheriv, createDecipheriv, createHmac, hash, hkdfSync, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Encryption at rest and the hashing of tokens. Nothing else in the house touches a cipher for storage. */
export interface Secrets {
  /** AES-256-GCM: version byte, 12 bytes of nonce, 16 of tag, ciphertext. `place` (table|row|column) is authenticated. */
  seal(plain: Uint8Array, place: string): Buffer
  /** Throws `Unopened` when the place or a single bit differs, or the key is neither the present nor the previous one. */
  open(sealed: Uint8Array, place: string): Buffer
  /** The same under the present key, or null when it is that already. Throws as `open` does. */
  reseal(sealed: Uint8Array, place: string): Buffer | null
  /** HMAC-SHA256 of a text, under keys of their own: who has it got it from us. The first is that of the present key. */
  macs(text: string): Buffer[]
}

/** What was to be opened was sealed with another key, or is not what was sealed. */
export class Unopened extends Error {
  override name = 'Unopened'
}

const VERSION = 1
const NONCE_END = 13
const TAG_END = 29

/** Under the previous key nothing is sealed any more, and all still opens: its tag says with which of the two. */
export function createSecrets(secretKey: string, previousKey: string | null = null): Secrets {
  const all = [secretKey, ...(previousKey === null ? [] : [previousKey])]
  const [present, ...previous] = all.map(from => derived(from, 'at rest v1'))
  const macKeys = all.map(from => derived(from, 'mac v1'))
  const seal: Secrets['seal'] = (plain, place) => {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', present!, nonce).setAAD(Buffer.from(place))
    const body = Buffer.concat([cipher.update(plain), cipher.final()])
    return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body])
  }
  const openWith = (keys: Buffer[], sealed: Uint8Array, place: string): Buffer => {
    for (const key of keys) {
      const plain = opened(key, sealed, place)
      if (plain) return plain
    }
    throw new Unopened(`what is sealed at ${place.split('|')[0]} does not open with SECRET_KEY`)
  }
  return {
    seal,
    open: (sealed, place) => openWith([present!, ...previous], sealed, place),
    reseal: (sealed, place) =>
      opened(present!, sealed, place) ? null : seal(openWith(previous, sealed, place), place),
    macs: text => macKeys.map(key => createHmac('sha256', key).update(text).digest()),
  }
}

const derived = (secretKey: string, use: string): Buffer =>
  Buffer.from(hkdfSync('sha256', secretKey, 'wataki', use, 32))

/** Null: not with this key. */
function opened(key: Buffer, sealed: Uint8Array, place: string): Buffer | null {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
  if (bytes[0] !== VERSION || bytes.length < TAG_END) return null
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, NONCE_END)).setAAD(Buffer.from(place))
  decipher.setAuthTag(bytes.subarray(NONCE_END, TAG_END))
  const begun = decipher.update(bytes.subarray(TAG_END))
  try {
    return Buffer.concat([begun, decipher.final()])
  } catch {
    return null
  }
}

/** Those that the settings name. */
export const secretsOf = (config: {
  secretKey: string | null
  previousSecretKey: string | null
  dataDir: string
}): Secrets => createSecrets(config.secretKey ?? secretKeyIn(config.dataDir), config.previousSecretKey)

/** For tokens of full entropy only: API keys and links. */
export const sha256 = (text: string): Buffer => hash('sha256', text, 'buffer')

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
