import { createCipheriv, createDecipheriv, createHash, createSecretKey, type KeyObject } from 'node:crypto'
import type { ServerIdentity } from './certificate.ts'
import { agree, hkdf, newKeyPair } from './curve.ts'
import { NOISE_MODE, NOISE_WA_HEADER, proto } from './wa.ts'

const EMPTY = Buffer.alloc(0)
const TAG_BYTES = 16

// Node takes five times as long with a key that is a Buffer: one key per direction is made once.
type Key = Uint8Array | KeyObject

export function sealGcm(plain: Uint8Array, key: Key, iv: Uint8Array, aad: Uint8Array = EMPTY): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aad)
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

export function openGcm(sealed: Uint8Array, key: Key, iv: Uint8Array, aad: Uint8Array = EMPTY): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAAD(aad)
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  return Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES)), decipher.final()])
}

const ivOf = (counter: number): Buffer => {
  const iv = Buffer.alloc(12)
  iv.writeUInt32BE(counter >>> 0, 8)
  return iv
}

/** Frames (24-bit length, bytes) out of a byte stream, after WhatsApp's header. Bounded by the length field: 16 MB. */
export class FrameReader {
  #buffer: Buffer = EMPTY
  #greeted = false

  push(chunk: Buffer): Buffer[] {
    this.#buffer = this.#buffer.length > 0 ? Buffer.concat([this.#buffer, chunk]) : chunk
    if (!this.#greeted && !this.#readHeader()) return []
    const frames: Buffer[] = []
    let at = 0
    while (this.#buffer.length >= at + 3) {
      const size = this.#buffer.readUIntBE(at, 3)
      if (this.#buffer.length < at + 3 + size) break
      frames.push(this.#buffer.subarray(at + 3, at + 3 + size))
      at += 3 + size
    }
    this.#buffer = this.#buffer.subarray(at)
    return frames
  }

  // A client that was given routing info opens with "ED" 00 01 <length:3> <bytes>; then "WA" 06 03.
  #readHeader(): boolean {
    const buffer = this.#buffer
    let at = 0
    if (buffer.length >= 7 && buffer.toString('latin1', 0, 2) === 'ED') at = 7 + buffer.readUIntBE(4, 3)
    if (at > 4096) throw new Error('routing info is too long')
    if (buffer.length < at + 4) return false
    if (buffer.toString('latin1', at, at + 2) !== 'WA') throw new Error('not a WhatsApp connection')
    this.#buffer = buffer.subarray(at + 4)
    this.#greeted = true
    return true
  }
}

export function frame(bytes: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(3 + bytes.length)
  out.writeUIntBE(bytes.length, 0, 3)
  out.set(bytes, 3)
  return out
}

/** The answering side of Noise_XX_25519_AESGCM_SHA256, and the transport that follows. */
export class NoiseResponder {
  readonly #identity: ServerIdentity
  readonly #ephemeral = newKeyPair()
  #hash: Buffer = Buffer.from(NOISE_MODE)
  #salt: Buffer = this.#hash
  #key: Buffer = this.#hash
  #counter = 0
  #transport: { read: KeyObject; write: KeyObject; reads: number; writes: number } | null = null

  constructor(identity: ServerIdentity) {
    this.#identity = identity
    this.#mixHash(NOISE_WA_HEADER)
  }

  get ready(): boolean {
    return this.#transport !== null
  }

  /** -> e, then <- e, ee, s, es */
  hello(bytes: Uint8Array): Uint8Array {
    const theirs = proto.HandshakeMessage.decode(bytes).clientHello?.ephemeral
    if (theirs?.length !== 32) throw new Error('bad client hello')
    this.#mixHash(theirs)
    this.#mixHash(this.#ephemeral.public)
    this.#mixKey(agree(this.#ephemeral.private, theirs))
    const sealedStatic = this.#seal(this.#identity.noise.public)
    this.#mixKey(agree(this.#identity.noise.private, theirs))
    const payload = this.#seal(this.#identity.chain)
    const serverHello = { ephemeral: this.#ephemeral.public, static: sealedStatic, payload }
    return proto.HandshakeMessage.encode({ serverHello }).finish()
  }

  /** -> s, se. Throws when either part was not sealed with the keys agreed on. */
  finish(bytes: Uint8Array): { clientStatic: Buffer; payload: proto.ClientPayload } {
    const { clientFinish } = proto.HandshakeMessage.decode(bytes)
    if (!clientFinish?.static || !clientFinish.payload) throw new Error('bad client finish')
    const clientStatic = this.#open(clientFinish.static)
    this.#mixKey(agree(this.#ephemeral.private, clientStatic))
    const payload = proto.ClientPayload.decode(this.#open(clientFinish.payload))
    const keys = hkdf(EMPTY, 64, { salt: this.#salt })
    // the client's write key is our read key
    const [read, write] = [createSecretKey(keys.subarray(0, 32)), createSecretKey(keys.subarray(32))]
    this.#transport = { read, write, reads: 0, writes: 0 }
    return { clientStatic, payload }
  }

  encrypt(bytes: Uint8Array): Buffer {
    const t = this.#transport!
    return sealGcm(bytes, t.write, ivOf(t.writes++))
  }

  decrypt(bytes: Uint8Array): Buffer {
    const t = this.#transport!
    return openGcm(bytes, t.read, ivOf(t.reads++))
  }

  #mixHash(data: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(data).digest()
  }

  #mixKey(secret: Uint8Array): void {
    const out = hkdf(secret, 64, { salt: this.#salt })
    this.#salt = out.subarray(0, 32)
    this.#key = out.subarray(32)
    this.#counter = 0
  }

  #seal(plain: Uint8Array): Buffer {
    const out = sealGcm(plain, this.#key, ivOf(this.#counter++), this.#hash)
    this.#mixHash(out)
    return out
  }

  #open(sealed: Uint8Array): Buffer {
    const out = openGcm(sealed, this.#key, ivOf(this.#counter++), this.#hash)
    this.#mixHash(sealed)
    return out
  }
}
