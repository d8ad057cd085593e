import { randomInt } from 'node:crypto'
import { newKeyPair, newSigningKeyPair, type SigningKeyPair, sign, typed, verifySignature } from './curve.ts'
import { candidates, only, type SessionRecord, withSession } from './session-record.ts'
import type { SignalKeys } from './signal-keys.ts'
import { el, uintBytes } from './stanza.ts'
import {
  type BinaryNode,
  encodeWAMessage,
  makeSignalRepository,
  proto,
  type SignalRepository,
  unpadRandomMax16,
} from './wa.ts'

export interface SignedPreKey {
  id: number
  key: Buffer
  signature: Buffer
}

/** The public half of a device, from which others start a session with it. */
export interface Bundle {
  registrationId: number
  identity: Buffer
  signedPreKey: SignedPreKey
  preKey?: { id: number; key: Buffer } | undefined
}

/** The private half of a simulated phone, as it is kept. */
export interface DeviceKeys {
  identity: SigningKeyPair
  registrationId: number
  signedPreKey: { id: number; public: Buffer; private: Buffer; signature: Buffer }
  nextPreKey: number
}

export interface Ciphertext {
  type: string
  ciphertext: Uint8Array
}

const SIGNED_PRE_KEY_ID = 1
/** One-time keys that were handed out and never used; older ones are forgotten. */
const MAX_OPEN_PRE_KEYS = 200

export function newDeviceKeys(): DeviceKeys {
  const identity = newSigningKeyPair()
  const pair = newKeyPair()
  const signature = sign(identity, typed(pair.public))
  const signedPreKey = { id: SIGNED_PRE_KEY_ID, ...pair, signature }
  return { identity, registrationId: randomInt(1, 16_380), signedPreKey, nextPreKey: 1 }
}

/** Whether the owner of the identity really made this prekey. */
export const isSignedBy = (identity: Uint8Array, key: SignedPreKey): boolean =>
  verifySignature(identity, typed(key.key), key.signature)

/**
 * The Signal side of a simulated phone, on the repository that Baileys uses for itself. Peers are always named by
 * their LID device jid. It holds nothing that is not in the key store, so it may be dropped and made again.
 */
export class SignalDevice {
  readonly keys: DeviceKeys
  readonly repository: SignalRepository
  readonly #owner: string
  readonly #signalKeys: SignalKeys
  readonly #store: ReturnType<SignalKeys['of']>
  readonly #makeOneSession: () => SignalRepository
  #oneSession: SignalRepository | undefined
  #shown = ''

  constructor(owner: string, keys: DeviceKeys, signalKeys: SignalKeys) {
    this.#owner = owner
    this.keys = keys
    this.#signalKeys = signalKeys
    this.#store = signalKeys.of(owner)
    const { id, signature, ...keyPair } = keys.signedPreKey
    const signedPreKey = { keyPair, signature, keyId: id }
    const creds = { signedIdentityKey: keys.identity, signedPreKey, registrationId: keys.registrationId }
    this.repository = makeSignalRepository({ creds, keys: this.#store })
    this.#makeOneSession = () => makeSignalRepository({ creds, keys: this.#narrowed(this.#store) })
  }

  /** With a fresh one-time prekey each time. `keys.nextPreKey` has moved on: the caller keeps it. */
  async takeBundle(): Promise<Bundle> {
    const id = this.keys.nextPreKey++
    const pair = newKeyPair()
    await this.#store.set({
      'pre-key': { [id]: pair, ...(id > MAX_OPEN_PRE_KEYS && { [id - MAX_OPEN_PRE_KEYS]: null }) },
    })
    return { ...this.publicBundle(), preKey: { id, key: pair.public } }
  }

  publicBundle(): Bundle {
    const { id, public: key, signature } = this.keys.signedPreKey
    return {
      registrationId: this.keys.registrationId,
      identity: this.keys.identity.public,
      signedPreKey: { id, key, signature },
    }
  }

  hasSession(jid: string, identity: Uint8Array): boolean {
    return this.#signalKeys.hasSession(this.#owner, this.repository.jidToSignalProtocolAddress(jid), identity)
  }

  /** Starts a session towards a device; an open one is closed. libsignal does not check the signature: we do. */
  async startSession(jid: string, bundle: Bundle): Promise<void> {
    const { registrationId, identity, signedPreKey, preKey } = bundle
    if (!isSignedBy(identity, signedPreKey))
      throw new Error(`the signed prekey of ${jid} is not signed by its identity`)
    const signed = { keyId: signedPreKey.id, publicKey: typed(signedPreKey.key), signature: signedPreKey.signature }
    const oneTime = preKey && { keyId: preKey.id, publicKey: typed(preKey.key) }
    const session = {
      registrationId,
      identityKey: typed(identity),
      signedPreKey: signed,
      ...(oneTime && { preKey: oneTime }),
    }
    await this.repository.injectE2ESession({ jid, session })
  }

  encrypt(jid: string, message: proto.IMessage): Promise<Ciphertext> {
    return this.repository.encryptMessage({ jid, data: encodeWAMessage(message) })
  }

  async decrypt(jid: string, type: string, ciphertext: Uint8Array): Promise<proto.Message> {
    if (type !== 'msg' && type !== 'pkmsg') throw new Error(`unknown kind of ciphertext ${type}`)
    const bytes = Buffer.from(ciphertext)
    const plain =
      type === 'msg'
        ? await this.#decrypt(jid, bytes)
        : await this.repository.decryptMessage({ jid, type, ciphertext: bytes })
    return decodeMessage(plain)
  }

  /**
   * Where libsignal has several sessions it tries one after the other, and a try turns the ratchet of the wrong one
   * before its MAC fails: from then on that session is broken, once it is stored beside the right one. So it is shown
   * one session at a time here. One caller at a time, too: the phone takes its messages in turn.
   */
  async #decrypt(jid: string, ciphertext: Buffer): Promise<Uint8Array> {
    const options = { jid, type: 'msg', ciphertext } as const
    const address = this.repository.jidToSignalProtocolAddress(jid)
    const record = this.#signalKeys.session(this.#owner, address)
    const ids = record ? candidates(record, ciphertext) : []
    if (!record || Object.keys(record._sessions).length < 2) return this.repository.decryptMessage(options)
    const repository = (this.#oneSession ??= this.#makeOneSession())
    let failure: unknown
    for (const id of ids) {
      this.#shown = id
      try {
        return await repository.decryptMessage(options)
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  /** The same rows, but of a session record only the session that is `#shown`. */
  #narrowed(store: ReturnType<SignalKeys['of']>): ReturnType<SignalKeys['of']> {
    return {
      ...store,
      get: async (type, ids) => {
        const rows = await store.get(type, ids)
        if (type !== 'session') return rows
        const sessions = Object.entries(rows) as unknown as [string, SessionRecord][]
        return Object.fromEntries(
          sessions.map(([id, record]) => [id, only(record, this.#shown)]),
        ) as unknown as typeof rows
      },
      set: async ({ session = {}, ...rest }) => {
        await store.set(rest)
        for (const [address, changed] of Object.entries(session) as unknown as [string, SessionRecord][]) {
          const whole = this.#signalKeys.session(this.#owner, address)
          this.#signalKeys.writeSession(this.#owner, address, whole ? withSession(whole, changed) : changed)
        }
      },
    }
  }

  encryptGroup(group: string, meId: string, message: proto.IMessage) {
    return this.repository.encryptGroupMessage({ group, meId, data: encodeWAMessage(message) })
  }

  async decryptGroup(group: string, authorJid: string, ciphertext: Uint8Array): Promise<proto.Message> {
    return decodeMessage(await this.repository.decryptGroupMessage({ group, authorJid, msg: Buffer.from(ciphertext) }))
  }

  takeSenderKey(authorJid: string, item: proto.Message.ISenderKeyDistributionMessage): Promise<void> {
    return this.repository.processSenderKeyDistributionMessage({ authorJid, item })
  }
}

const decodeMessage = (plain: Uint8Array): proto.Message => proto.Message.decode(unpadRandomMax16(plain))

/** Children of a `<user>` in the answer to a key fetch. */
export function bundleNodes(bundle: Bundle): BinaryNode[] {
  const { registrationId, identity, signedPreKey, preKey } = bundle
  const nodes = [
    el('registration', {}, uintBytes(registrationId, 4)),
    el('type', {}, Buffer.from([5])),
    el('identity', {}, identity),
    el('skey', {}, [
      el('id', {}, uintBytes(signedPreKey.id, 3)),
      el('value', {}, signedPreKey.key),
      el('signature', {}, signedPreKey.signature),
    ]),
  ]
  if (preKey) nodes.push(el('key', {}, [el('id', {}, uintBytes(preKey.id, 3)), el('value', {}, preKey.key)]))
  return nodes
}
