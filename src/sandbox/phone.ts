import { createCipheriv, createDecipheriv, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { Companion } from './companion.ts'
import type { Connection } from './connection.ts'
import { agree, hkdf, newKeyPair, sign, verifySignature } from './curve.ts'
import { openGcm } from './noise.ts'
import type { Person } from './person.ts'
import { SandboxError } from './sandbox.ts'
import { bytesOf, child, el, newStanzaId, SERVER_JID } from './stanza.ts'
import { proto } from './wa.ts'

const ACCOUNT_SIGNATURE = Buffer.from([6, 0])
const DEVICE_SIGNATURE = Buffer.from([6, 1])
/** WhatsApp's own limit; one more pushes the oldest out. */
const MAX_COMPANIONS = 4
const CODE_ITERATIONS = 131_072

const codeKey = (code: string, salt: Buffer): Promise<Buffer> =>
  promisify(pbkdf2)(code, salt, CODE_ITERATIONS, 32, 'sha256')

/** What a person does with the phone in hand: links devices, and hands them keys and history. */
export class Phone {
  readonly #person: Person
  /** Set by tests: conversations of the first history sync. */
  history: proto.IConversation[] = []
  business = false

  constructor(person: Person) {
    this.#person = person
  }

  /** Resolves with the linked device once the client has signed. */
  async scan(qr: string): Promise<Companion> {
    const [ref = '', noise = '', identity = '', secret = ''] = qr.slice(qr.indexOf('#') + 1).split(',')
    const conn = this.#person.sim.pairing.byRef(ref)
    if (!conn?.registration) throw new SandboxError('no_qr', 'this code is not shown by any client, or it has expired')
    const sameNoise = conn.clientStatic.equals(Buffer.from(noise, 'base64'))
    const sameIdentity = conn.registration.identity.equals(Buffer.from(identity, 'base64'))
    if (!sameNoise || !sameIdentity) throw new SandboxError('no_qr', 'the keys in the code are not those of its client')
    return this.#link(conn, Buffer.from(secret, 'base64'))
  }

  /** Types the 8 characters that a client got for this phone's number. */
  async enterCode(code: string): Promise<Companion> {
    const { sim, device, pn } = this.#person
    const request = await sim.pairing.requestFor(pn)
    if (!request?.conn.registration) throw new SandboxError('no_qr', 'no client asked for a code for this number')
    const { conn, wrappedEphemeral: wrapped } = request
    const theirKey = await codeKey(code, wrapped.subarray(0, 32))
    const theirs = createDecipheriv('aes-256-ctr', theirKey, wrapped.subarray(32, 48)).update(wrapped.subarray(48, 80))
    const ours = newKeyPair()
    const [salt, iv] = [randomBytes(32), randomBytes(16)]
    const ourKey = await codeKey(code, salt)
    const sealed = Buffer.concat([salt, iv, createCipheriv('aes-256-ctr', ourKey, iv).update(ours.public)])
    const identity = device.keys.identity
    const finishing = sim.pairing.finishOf(conn)
    const hello = el('link_code_companion_reg', { stage: 'primary_hello' }, [
      el('link_code_pairing_wrapped_primary_ephemeral_pub', {}, sealed),
      el('primary_identity_pub', {}, identity.public),
      el('link_code_pairing_ref', {}, Buffer.from(newStanzaId())),
    ])
    conn.send(
      el('notification', { from: SERVER_JID, id: newStanzaId(), type: 'link_code_companion_reg', t: sim.now() }, [
        hello,
      ]),
    )
    const finish = await finishing
    if (!finish) throw new SandboxError('no_qr', 'the client hung up')
    const bundle = bytesOf(child(finish, 'link_code_pairing_wrapped_key_bundle'))
    const shared = agree(ours.private, theirs)
    const plain = openBundle(bundle, shared)
    const theirIdentity = plain.subarray(0, 32)
    const honest = plain.subarray(32, 64).equals(identity.public) && theirIdentity.equals(conn.registration!.identity)
    if (!honest) throw new SandboxError('invalid', 'the identities in the bundle are not those of phone and client')
    const parts = Buffer.concat([shared, agree(identity.private, theirIdentity), plain.subarray(64, 96)])
    return this.#link(conn, hkdf(parts, 32, { info: 'adv_secret' }))
  }

  async #link(conn: Connection, secret: Buffer): Promise<Companion> {
    const person = this.#person
    const { sim, row } = person
    const registration = conn.registration!
    conn.registration = null // one link per client
    const keyIndex = ++row.keyIndex
    const device = nextFree(person.companions, keyIndex)
    const companion = Companion.link(person, { keyIndex, noiseKey: conn.clientStatic, registration, device })
    const account = person.device.keys.identity
    const details = proto.ADVDeviceIdentity.encode({ rawId: 1, timestamp: sim.now(), keyIndex }).finish()
    const accountSignature = sign(account, Buffer.concat([ACCOUNT_SIGNATURE, details, registration.identity]))
    const signed = proto.ADVSignedDeviceIdentity.encode({
      details,
      accountSignatureKey: account.public,
      accountSignature,
    }).finish()
    const hmac = createHmac('sha256', secret).update(signed).digest()
    const sealed = proto.ADVSignedDeviceIdentityHMAC.encode({ details: signed, hmac }).finish()
    const content = [
      el('device-identity', {}, sealed),
      el('platform', { name: this.business ? 'smba' : 'android' }),
      el('device', { jid: companion.jid, lid: companion.lid }),
    ]
    if (this.business) content.push(el('biz', { name: person.name }))
    const pairSuccess = el('pair-success', {}, content)
    const iq = el('iq', { from: SERVER_JID, type: 'set', id: newStanzaId(), t: sim.now() }, [pairSuccess])
    const reply = await conn.query(iq).catch(() => null)
    if (!reply) throw new SandboxError('no_qr', 'the client hung up')
    const signedBack = bytesOf(child(child(reply, 'pair-device-sign'), 'device-identity'))
    const { deviceSignature } = proto.ADVSignedDeviceIdentity.decode(signedBack)
    const covered = Buffer.concat([DEVICE_SIGNATURE, details, registration.identity, account.public])
    if (!deviceSignature || !verifySignature(registration.identity, covered, deviceSignature)) {
      conn.terminate()
      throw new SandboxError('invalid', 'the client signed with another key')
    }
    this.#admit(companion)
    conn.send(el('stream:error', { code: 515 }))
    conn.close()
    return companion
  }

  #admit(companion: Companion): void {
    const person = this.#person
    const devices = [...person.companions.values()]
    for (const old of devices.slice(0, Math.max(0, devices.length + 1 - MAX_COMPANIONS))) old.unlink()
    person.addCompanion(companion)
    companion.save()
    person.save()
    person.sim.events.emit('linked', companion)
  }
}

/** Wrong code on either side: the keys differ, and the seal does not open. */
function openBundle(bundle: Buffer, shared: Buffer): Buffer {
  const info = 'link_code_pairing_key_bundle_encryption_key'
  try {
    const key = hkdf(shared, 32, { salt: bundle.subarray(0, 32), info })
    return openGcm(bundle.subarray(44), key, bundle.subarray(32, 44))
  } catch {
    throw new SandboxError('no_qr', 'this is not the code that the client shows')
  }
}

/** Device numbers stay below 99, which WhatsApp keeps for hosted ones, and are not given again soon. */
function nextFree(taken: Map<number, unknown>, keyIndex: number): number {
  let device = keyIndex
  while (taken.has(1 + ((device - 1) % 98))) device++
  return 1 + ((device - 1) % 98)
}
