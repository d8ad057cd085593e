import type { WebSocket } from 'ws'
import type { Companion } from './companion.ts'
import { FrameReader, frame, NoiseResponder } from './noise.ts'
import { handleStanza } from './router.ts'
import type { SignedPreKey } from './signal-device.ts'
import type { Simulator } from './simulator.ts'
import { el, newStanzaId, SERVER_JID } from './stanza.ts'
import { type BinaryNode, decodeBinaryNode, encodeBinaryNode, type proto } from './wa.ts'

/** The public keys of a client that is not linked yet. */
export interface Registration {
  identity: Buffer
  registrationId: number
  signedPreKey: SignedPreKey
}

const QUERY_TIMEOUT_MS = 20_000
const HANDSHAKE_TIMEOUT_MS = 20_000
/** A client that sends faster than it is served waits. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024

/** One WebSocket: the handshake, then binary nodes both ways, each handled before the next. */
export class Connection {
  readonly sim: Simulator
  companion: Companion | null = null
  registration: Registration | null = null
  /** Another client has taken the session: what still comes is counted. */
  isReplaced = false
  clientStatic: Buffer = Buffer.alloc(0)
  /** Run once the answer to the iq in work is on its way. */
  readonly afterReply: (() => void)[] = []
  readonly #ws: WebSocket
  readonly #reader = new FrameReader()
  readonly #noise: NoiseResponder
  readonly #waiting = new Map<string, (answer: BinaryNode | Error) => void>()
  #inbox: Promise<void> = Promise.resolve()
  #greeted = false
  #unread = 0

  constructor(sim: Simulator, ws: WebSocket) {
    this.sim = sim
    this.#ws = ws
    this.#noise = new NoiseResponder(sim.identity)
    const slow = sim.timer(() => this.#noise.ready || ws.terminate(), HANDSHAKE_TIMEOUT_MS)
    ws.on('message', (data: Buffer) => {
      this.#unread += data.length
      if (this.#unread > MAX_UNREAD_BYTES) ws.pause()
      this.#inbox = this.#inbox
        .then(() => this.#onData(data))
        .catch(error => {
          sim.report(error)
          ws.terminate()
        })
        .then(() => {
          this.#unread -= data.length
          if (ws.isPaused && this.#unread < MAX_UNREAD_BYTES / 2) ws.resume()
        })
    })
    ws.on('close', () => {
      sim.cancel(slow)
      sim.connections.delete(this)
      this.companion?.detach(this)
      sim.pairing.forget(this)
      for (const settle of this.#waiting.values()) settle(new Error('connection closed'))
    })
    ws.on('error', () => {}) // 'close' follows
  }

  get open(): boolean {
    return this.#ws.readyState === this.#ws.OPEN
  }

  async #onData(data: Buffer): Promise<void> {
    for (const bytes of this.#reader.push(data)) {
      if (this.#noise.ready) {
        const node = await decodeBinaryNode(this.#noise.decrypt(bytes))
        this.sim.trace?.('client', node, this)
        // As at WhatsApp, nobody reads on where a stream has ended.
        if (this.isReplaced) this.sim.counters.late++
        else if (!this.#isAnswer(node)) await handleStanza(this, node)
      } else if (this.#greeted) {
        const { clientStatic, payload } = this.#noise.finish(bytes)
        this.clientStatic = clientStatic
        this.#logIn(payload)
      } else {
        this.#greeted = true
        this.#ws.send(frame(this.#noise.hello(bytes)))
      }
    }
  }

  #logIn(payload: proto.ClientPayload): void {
    this.sim.logIn(this, payload)
  }

  #isAnswer(node: BinaryNode): boolean {
    const { id, type } = node.attrs
    const settle = id === undefined ? undefined : this.#waiting.get(id)
    if (node.tag !== 'iq' || (type !== 'result' && type !== 'error') || !settle) return false
    settle(node)
    return true
  }

  send(node: BinaryNode): void {
    this.sim.trace?.('server', node, this)
    this.sendEncoded(encodeBinaryNode(node))
  }

  /** Nothing goes on the wire before the rows it rests on are stored; frames keep their order. */
  sendEncoded(bytes: Uint8Array): void {
    this.#afterStored(() => {
      if (this.open && this.#noise.ready) this.#ws.send(frame(this.#noise.encrypt(bytes)))
    })
  }

  /** Sends an iq and waits for the client's answer. */
  query(node: BinaryNode): Promise<BinaryNode> {
    const id = node.attrs.id ?? ''
    return new Promise((resolve, reject) => {
      const settle = (answer: BinaryNode | Error) => {
        this.sim.cancel(timer)
        this.#waiting.delete(id)
        if (answer instanceof Error) reject(answer)
        else resolve(answer)
      }
      const timer = this.sim.timer(() => settle(new Error('the client did not answer')), QUERY_TIMEOUT_MS)
      this.#waiting.set(id, settle)
      this.send(node)
    })
  }

  failure(reason: number): void {
    this.send(el('failure', { reason, location: 'sandbox' }))
    this.close()
  }

  /** Baileys shows the first ref for 60 s, each other for 20 s, then gives up with 408. */
  offerPairing(refs: string[]): void {
    const nodes = refs.map(ref => el('ref', {}, Buffer.from(ref)))
    this.send(
      el('iq', { from: SERVER_JID, type: 'set', id: newStanzaId(), xmlns: 'md' }, [el('pair-device', {}, nodes)]),
    )
  }

  /** After what was sent before. */
  close(): void {
    this.#afterStored(() => this.#ws.close())
  }

  terminate(): void {
    this.#ws.terminate()
  }

  #afterStored(run: () => void): void {
    this.sim.store.whenStored(() => {
      const { latencyMs } = this.sim.faults
      if (latencyMs > 0) this.sim.timer(run, latencyMs)
      else run()
    })
  }
}
