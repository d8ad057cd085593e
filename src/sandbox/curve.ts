import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  sign as signEd25519,
  verify as verifyEd25519,
} from 'node:crypto'
import { LRUCache } from 'lru-cache'

export interface KeyPair {
  public: Buffer
  private: Buffer
}

/** A key that agrees (X25519) and signs (Ed25519): one scalar, both curves. `seed` is Ed25519's. */
export interface SigningKeyPair extends KeyPair {
  seed: Buffer
}

const der = (hex: string) => Buffer.from(hex, 'hex')
const X25519_PUBLIC = der('302a300506032b656e032100')
const X25519_PRIVATE = der('302e020100300506032b656e04220420')
const ED25519_PUBLIC = der('302a300506032b6570032100')
const ED25519_PRIVATE = der('302e020100300506032b657004220420')

const publicKey = (prefix: Buffer, raw: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'spki' })
const privateKey = (prefix: Buffer, raw: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([prefix, raw]), format: 'der', type: 'pkcs8' })
const rawPublic = (key: KeyObject): Buffer =>
  Buffer.from(createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(-32))

export function newKeyPair(): KeyPair {
  const pair = generateKeyPairSync('x25519', {
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  })
  return { public: pair.publicKey.subarray(-32), private: pair.privateKey.subarray(-32) }
}

/**
 * Signal signs with X25519 keys, for which OpenSSL has no call (in JavaScript it takes 12 ms). But Ed25519
 * hashes its seed into a scalar that is clamped just as X25519 clamps: a pair that starts from such a seed has
 * one scalar for both, and OpenSSL signs with it in 0.1 ms.
 */
export function newSigningKeyPair(): SigningKeyPair {
  const pair = generateKeyPairSync('ed25519', {
    publicKeyEncoding: { format: 'der', type: 'spki' },
    privateKeyEncoding: { format: 'der', type: 'pkcs8' },
  })
  const seed = pair.privateKey.subarray(-32)
  const scalar = createHash('sha512').update(seed).digest().subarray(0, 32)
  scalar[0]! &= 248
  scalar[31]! &= 127
  scalar[31]! |= 64
  return { seed, private: scalar, public: rawPublic(privateKey(X25519_PRIVATE, scalar)) }
}

/** The sign of the Edwards point travels in the top bit of the signature, which is otherwise always 0. */
export function sign(pair: SigningKeyPair, message: Uint8Array): Buffer {
  const key = privateKey(ED25519_PRIVATE, pair.seed)
  const signature = signEd25519(null, message, key)
  signature[63]! |= rawPublic(key)[31]! & 0x80
  return signature
}

export const agree = (ours: Uint8Array, theirs: Uint8Array): Buffer =>
  diffieHellman({
    privateKey: privateKey(X25519_PRIVATE, ours),
    publicKey: publicKey(X25519_PUBLIC, theirs.length === 33 ? theirs.subarray(1) : theirs),
  })

export const hkdf = (key: Uint8Array, length: number, options: { salt?: Uint8Array; info?: string } = {}): Buffer =>
  Buffer.from(hkdfSync('sha256', key, options.salt ?? Buffer.alloc(0), options.info ?? '', length))

/** Public keys in Signal's own form: a type byte, 5, before the 32. */
export const typed = (key: Uint8Array): Buffer =>
  key.length === 33 ? Buffer.from(key) : Buffer.concat([Buffer.from([5]), key])

const P = 2n ** 255n - 19n

function powMod(base: bigint, exponent: bigint): bigint {
  let result = 1n
  let b = base % P
  for (let e = exponent; e > 0n; e >>= 1n, b = (b * b) % P) if (e & 1n) result = (result * b) % P
  return result
}

/** The Edwards y of a Montgomery u: (u - 1) / (u + 1). Takes 0.4 ms, hence the memory of the last keys. */
function edwardsY(key: Uint8Array): Buffer {
  const u = BigInt(`0x${Buffer.from(key).reverse().toString('hex')}`) & (2n ** 255n - 1n)
  const y = ((u - 1n + P) * powMod(u + 1n, P - 2n)) % P
  return Buffer.from(y.toString(16).padStart(64, '0'), 'hex').reverse()
}

const edwardsKeys = new LRUCache<string, KeyObject>({ max: 2_000 })

/** A real check of a Signal signature. (That of Baileys says true to any 64 bytes.) */
export function verifySignature(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  const raw = key.length === 33 ? key.subarray(1) : key
  if (raw.length !== 32 || signature.length !== 64) return false
  const signBit = signature[63]! & 0x80
  const id = `${Buffer.from(raw).toString('base64')}${signBit}`
  try {
    let edwards = edwardsKeys.get(id)
    if (!edwards) {
      const y = edwardsY(raw)
      y[31]! |= signBit
      edwards = publicKey(ED25519_PUBLIC, y)
      edwardsKeys.set(id, edwards)
    }
    const plain = Buffer.from(signature)
    plain[63]! &= 0x7f
    return verifyEd25519(null, message, edwards, plain)
  } catch {
    return false // no point of the curve
  }
}
