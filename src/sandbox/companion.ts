import type { Connection, Registration } from './connection.ts'
import { greet } from './history.ts'
import { Outbox } from './outbox.ts'
import type { Person } from './person.ts'
import { type Bundle, isSignedBy, type SignedPreKey } from './signal-device.ts'
import type { Simulator } from './simulator.ts'
import { bytesOf, child, children, el, newStanzaId, SERVER_JID, USER_SERVER, uintOf } from './stanza.ts'
import { padded } from './store.ts'
import type { BinaryNode } from './wa.ts'

export interface CompanionRow {
  device: number
  keyIndex: number
  noiseKey: string
  identity: string
  registrationId: number
  signedPreKey: { id: number; key: string; signature: string }
  /** False until its first login, when the phone sends it keys and history. */
  greeted: boolean
  /** Uploads of one-time prekeys, oldest first: how many each still holds. */
  batches: { id: number; left: number }[]
}

const PRE_KEY_BYTES = 35 // id (3), key (32)
const MAX_BATCHES = 20
const AWAY_MAX = 2_000
/** Between two pieces of a backlog other connections get their turn. */
const BACKLOG_PIECE = 100

/**
 * A linked device as the server knows it: its public keys, what it has not acknowledged, and its connection, if
 * any. The private keys are in the real client. One-time prekeys stay on disk: they are 28 kB per device.
 */
export class Companion {
  readonly sim: Simulator
  readonly person: Person
  readonly device: number
  readonly noiseKey: Buffer
  readonly identity: Buffer
  readonly outbox: Outbox
  conn: Connection | null = null
  #row: CompanionRow
  /** The client asked for traffic and has been given the backlog. */
  #active = false
  #leftAtMs: number | null = null

  constructor(person: Person, row: CompanionRow) {
    this.sim = person.sim
    this.person = person
    this.device = row.device
    this.#row = row
    this.noiseKey = Buffer.from(row.noiseKey, 'base64')
    this.identity = Buffer.from(row.identity, 'base64')
    this.outbox = new Outbox(this.sim.store, this.#id)
  }

  static link(
    person: Person,
    options: { keyIndex: number; noiseKey: Buffer; registration: Registration; device: number },
  ): Companion {
    const { identity, registrationId, signedPreKey } = options.registration
    return new Companion(person, {
      device: options.device,
      keyIndex: options.keyIndex,
      noiseKey: options.noiseKey.toString('base64'),
      identity: identity.toString('base64'),
      registrationId,
      signedPreKey: packSigned(signedPreKey),
      greeted: false,
      batches: [],
    })
  }

  get jid(): string {
    return `${this.person.pn}:${this.device}@${USER_SERVER}`
  }

  get lid(): string {
    return `${this.person.lid}:${this.device}@lid`
  }

  get keyIndex(): number {
    return this.#row.keyIndex
  }

  get registrationId(): number {
    return this.#row.registrationId
  }

  get online(): boolean {
    return this.conn !== null && this.#active
  }

  get #id(): string {
    return `${this.person.pn}:${this.device}`
  }

  save(): void {
    this.sim.store.put('companion', this.#id, () => JSON.stringify(this.#row))
  }

  // --- keys -----------------------------------------------------------------
  get preKeyCount(): number {
    return this.#row.batches.reduce((sum, batch) => sum + batch.left, 0)
  }

  /** False when the signed prekey is not signed by the identity that was linked. */
  rotate(signedPreKey: SignedPreKey): boolean {
    if (!isSignedBy(this.identity, signedPreKey)) return false
    this.#row.signedPreKey = packSigned(signedPreKey)
    this.save()
    return true
  }

  upload(list: BinaryNode | undefined): void {
    const keys = children(list, 'key').map(key =>
      Buffer.concat([bytesOf(child(key, 'id')), bytesOf(child(key, 'value'))]),
    )
    const whole = keys.filter(key => key.length === PRE_KEY_BYTES)
    if (whole.length === 0) return
    const id = (this.#row.batches.at(-1)?.id ?? 0) + 1
    this.#row.batches.push({ id, left: whole.length })
    this.sim.store.put('bundle', this.#batchKey(id), Buffer.concat(whole))
    if (this.#row.batches.length > MAX_BATCHES) this.#dropBatch(this.#row.batches.shift()!.id)
    this.save()
    this.sim.events.emit('preKeys', this)
  }

  preKeyIds(limit: number): number[] {
    const batch = this.#row.batches[0]
    const bytes = batch && this.#batchBytes(batch.id)
    if (!batch || !bytes) return []
    const first = bytes.length / PRE_KEY_BYTES - batch.left
    return Array.from({ length: Math.min(limit, batch.left) }, (_, i) =>
      bytes.readUIntBE((first + i) * PRE_KEY_BYTES, 3),
    )
  }

  /** What another device starts a session with. Each one-time prekey is handed out once. */
  takeBundle(): Bundle {
    const { id, key, signature } = this.#row.signedPreKey
    const signedPreKey = { id, key: Buffer.from(key, 'base64'), signature: Buffer.from(signature, 'base64') }
    const preKey = this.#takePreKey()
    if (this.preKeyCount < this.sim.options.lowPreKeyCount) this.#askForPreKeys()
    return { registrationId: this.#row.registrationId, identity: this.identity, signedPreKey, preKey }
  }

  /** For tests: as if all but `left` had been handed out. */
  exhaustPreKeys(left: number): void {
    while (this.preKeyCount > left) this.#takePreKey()
  }

  #takePreKey(): Bundle['preKey'] {
    const batch = this.#row.batches[0]
    const bytes = batch && this.#batchBytes(batch.id)
    if (!batch || !bytes) return undefined
    const at = bytes.length - batch.left * PRE_KEY_BYTES
    const preKey = {
      id: uintOf(bytes.subarray(at, at + 3)),
      key: Buffer.from(bytes.subarray(at + 3, at + PRE_KEY_BYTES)),
    }
    if (--batch.left === 0) {
      this.#row.batches.shift()
      this.#dropBatch(batch.id)
    }
    this.save()
    return preKey
  }

  #batchBytes(id: number): Buffer | undefined {
    const value = this.sim.store.get('bundle', this.#batchKey(id))
    return value === undefined ? undefined : Buffer.from(value as Uint8Array)
  }

  #dropBatch(id: number): void {
    this.sim.store.delete('bundle', this.#batchKey(id))
  }

  #batchKey(id: number): string {
    return `${this.#id}|${padded(id, 8)}`
  }

  #askForPreKeys(): void {
    if (!this.online) return
    const count = el('count', { value: this.preKeyCount })
    this.conn?.send(
      el('notification', { from: SERVER_JID, id: newStanzaId(), type: 'encrypt', t: this.sim.now() }, [count]),
    )
  }

  // --- traffic --------------------------------------------------------------
  /** Stored, and sent now if the device is there; sent again after a reconnect until it is acknowledged. */
  deliver(node: BinaryNode): void {
    const { seq, bytes } = this.outbox.add(node)
    if (!this.online) return
    this.sim.faults.outbound(this, node, () => {
      if (!this.online) return
      this.outbox.markSent(seq)
      this.sim.trace?.('server', node, this.conn!)
      this.conn!.sendEncoded(bytes)
    })
  }

  /** For what is of use only now: typing, presence. */
  sendIfOnline(node: BinaryNode): void {
    if (this.online) this.conn?.send(node)
  }

  attach(conn: Connection): void {
    this.conn = conn
    this.#noteReturn()
    this.#active = false
    this.outbox.markAllUnsent()
  }

  detach(conn: Connection): void {
    if (this.conn !== conn) return
    this.conn = null
    this.#leftAtMs = performance.now()
    this.#active = false
    this.outbox.markAllUnsent()
    this.sim.events.emit('offline', this)
  }

  #noteReturn(): void {
    if (this.#leftAtMs === null) return
    const { awayMs } = this.sim.counters
    awayMs.push(Math.round(performance.now() - this.#leftAtMs))
    if (awayMs.length > AWAY_MAX) awayMs.shift()
  }

  /** The backlog, then the word that this was all. What arrives meanwhile is sent in its turn. */
  async activate(): Promise<void> {
    const conn = this.conn
    if (this.#active || !conn) return
    const preview = this.outbox.unsent()
    if (preview.length > 0) {
      const count = (tag: string) => preview.filter(seq => this.outbox.tagOf(seq) === tag).length
      const counts = { message: count('message'), receipt: count('receipt'), notification: count('notification') }
      conn.send(
        el('ib', { from: SERVER_JID }, [el('offline_preview', { count: preview.length, ...counts, appdata: 0 })]),
      )
    }
    let sent = 0
    for (let rest = preview; rest.length > 0; rest = this.outbox.unsent()) {
      for (const seq of rest) {
        const node = await this.outbox.read(seq)
        if (this.conn !== conn || !conn.open) return
        if (!node) continue
        node.attrs.offline = String(sent++)
        this.outbox.markSent(seq)
        conn.send(node)
        if (sent % BACKLOG_PIECE === 0) await new Promise(setImmediate)
      }
    }
    this.#active = true
    if (!this.sim.options.noOffline) conn.send(el('ib', { from: SERVER_JID }, [el('offline', { count: sent })]))
    if (!this.#row.greeted) await this.#greet()
    this.sim.events.emit('online', this)
  }

  async #greet(): Promise<void> {
    await greet(this.person, this)
    this.#row.greeted = true
    this.save()
  }

  // --- endings --------------------------------------------------------------
  /** Cuts the TCP connection: Baileys reports 428. */
  drop(): void {
    this.conn?.terminate()
  }

  /** 515 restart, 503 unavailable, 500 without a code … */
  streamError(code?: number, content?: BinaryNode[]): void {
    this.conn?.send(el('stream:error', { code }, content))
    this.conn?.close()
  }

  /** Another client took the session: 440. */
  replaced(): void {
    this.conn?.send(el('stream:error', {}, [el('conflict', { type: 'replaced' })]))
    this.conn?.close()
  }

  /** Removed on the phone, or by itself: 401 now and at each later login. */
  unlink(options: { silent?: boolean } = {}): void {
    this.person.removeCompanion(this)
    this.outbox.clear()
    for (const { id } of this.#row.batches) this.#dropBatch(id)
    this.sim.store.delete('companion', this.#id)
    if (!options.silent) this.streamError(401, [el('conflict', { type: 'device_removed' })])
  }
}

const packSigned = ({ id, key, signature }: SignedPreKey): CompanionRow['signedPreKey'] => ({
  id,
  key: key.toString('base64'),
  signature: signature.toString('base64'),
})
