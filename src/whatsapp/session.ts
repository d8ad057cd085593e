import { setTimeout as sleep } from 'node:timers/promises'
import { initAuthCreds, type WASocket } from '@whiskeysockets/baileys'
import type { Clock } from '../clock.ts'
import { type Caches, createCaches } from './caches.ts'
import { Connection, type ConnectionEvents, type SocketEnd } from './connection.ts'
import type { Gate } from './gate.ts'
import { Inbox } from './inbox.ts'
import { KeyStore } from './key-store.ts'
import type { Log } from './log.ts'
import { send } from './outbound/send.ts'
import { decodeCredentials } from './row-codec.ts'
import type { Timings } from './socket.ts'
import { backoffMs, CODE_STOPPED, CODE_STORE_FAILED, judge, type Verdict } from './states.ts'
import { Teller } from './teller.ts'
import type { InstanceState, News, OutboundMessage, SendOutcome, SessionOptions, Vault } from './whatsapp.ts'
import { wipe } from './wipe.ts'

export interface SessionParts {
  instanceId: string
  options: SessionOptions
  vault: Vault
  news: News
  log: Log
  clock: Clock
  gate: Gate
  timings: Timings
  lingerMs: number
  maxNews: number
  /** The session before this one is gone. */
  after: Promise<unknown>
}

/** Restarts that WhatsApp orders are granted at once, but not without end. */
const MAX_RESTARTS = 3
const RESTART_WINDOW_MS = 10_000
const DRAIN_MS = 10_000
const STOPPED: SocketEnd = { code: CODE_STOPPED, message: 'stopped' }

/** One phone: owns its socket, makes the next one when it ends, and says how it stands. */
export class Session {
  /** Resolves when no socket and no timer is left. Never rejects. */
  readonly finished: Promise<void>
  readonly #parts: SessionParts
  readonly #abort = new AbortController()
  readonly #teller: Teller
  readonly #inbox: Inbox
  readonly #caches: Caches = createCaches()
  #autoReconnect: boolean
  #leaving = false
  #forgotten = false
  #over = false
  #keys: KeyStore | null = null
  #connection: Connection | null = null
  #failures = 0
  #wasConnected = false
  #openedAtMs = 0
  #restarts: number[] = []

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#autoReconnect = parts.options.autoReconnect
    this.#teller = new Teller({ ...parts, epoch: parts.options.epoch })
    this.#inbox = new Inbox({ ...parts, onMessage: message => this.#teller.message(message) })
    this.finished = this.#run()
  }

  /** False when it has ended or is about to: then a start means another session. */
  get running(): boolean {
    return !this.#over && !this.#leaving
  }

  get over(): boolean {
    return this.#over
  }

  get linked(): boolean {
    return this.#keys?.creds.account !== undefined
  }

  get me(): string | undefined {
    return this.#keys?.creds.me?.id
  }

  /** The socket, while it can carry messages. */
  get openSocket(): WASocket | null {
    return this.#connection?.isOpen ? this.#connection.socket : null
  }

  configure(options: { autoReconnect: boolean }): void {
    this.#autoReconnect = options.autoReconnect
  }

  /** From now on nothing is told; what follows is a stop. */
  silence(): void {
    this.#leaving = true
    this.#teller.silence()
    void this.#inbox.stop()
  }

  /** The socket on which a phone can be linked now, or null: linked already, or nothing of the kind in time. */
  async pairingSocket(timeoutMs: number): Promise<WASocket | null> {
    const deadlineMs = performance.now() + timeoutMs
    while (this.running && !this.linked && performance.now() < deadlineMs) {
      if (this.#connection?.offeredQr && this.#connection.socket) return this.#connection.socket
      await sleep(50)
    }
    return null
  }

  /** Ends the session; `disconnected` is its last word, unless it was silenced. */
  async stop(): Promise<void> {
    this.#leaving = true
    await this.#flush()
    const wasOver = this.#over
    this.#abort.abort()
    this.#connection?.end(STOPPED)
    await this.finished
    if (wasOver) await this.#lastWord()
  }

  async send(message: OutboundMessage): Promise<SendOutcome> {
    const connection = this.#connection
    const isMeant = message.connection === undefined || message.connection === connection?.number
    if (!connection?.isOpen || !connection.socket || !isMeant) return { kind: 'not_connected' }
    // Baileys may not notice for long that the answer will never come.
    return connection.untilEnd(send(connection.socket, message), () => ({ kind: 'not_connected' }))
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    try {
      await this.#parts.after
      while (!signal.aborted) {
        const waitMs = await this.#next(await this.#oneSocket())
        if (waitMs === null) break
        if (waitMs > 0) await sleep(waitMs, undefined, { signal })
      }
    } catch (error) {
      if (!signal.aborted) {
        this.#parts.log.error({ instanceId: this.#parts.instanceId, err: error }, 'whatsapp session failed')
        this.#tell('error', 'The session ran into an unexpected error.')
      }
    } finally {
      await this.#windUp()
    }
  }

  /** From the first byte to the end of one socket. */
  async #oneSocket(): Promise<SocketEnd> {
    const { gate, instanceId, options, log, timings, vault } = this.#parts
    let keys: KeyStore
    try {
      keys = await this.#ready()
    } catch (error) {
      log.error({ instanceId, err: error }, 'the keys of the session could not be made ready')
      return { code: CODE_STORE_FAILED, message: String(error) }
    }
    if (this.#teller.lastState === null) this.#tell(this.#tryingState())
    this.#inbox.wake(keys)
    const leave = await gate.enter(this.#abort.signal)
    try {
      if (this.#abort.signal.aborted) return STOPPED
      const connection = new Connection({
        instanceId,
        network: options.network,
        keys,
        caches: this.#caches,
        log,
        timings,
        events: this.#events(keys),
        sentPayload: whatsappId => vault.sentPayload(instanceId, whatsappId),
      })
      this.#connection = connection
      void connection.settled.then(leave)
      return await connection.ended
    } finally {
      leave()
    }
  }

  /** Keys for the next socket: those at hand when they are sound and linked, else what the vault has. */
  async #ready(): Promise<KeyStore> {
    const { instanceId, vault, lingerMs } = this.#parts
    if (this.#keys && !this.#keys.failed && this.linked) {
      await this.#keys.flush()
      return this.#keys
    }
    const kept = await vault.credentials(instanceId)
    const keys: KeyStore = new KeyStore({
      instanceId,
      vault,
      creds: kept ? decodeCredentials(kept) : initAuthCreds(),
      lingerMs,
      epoch: this.#parts.options.epoch,
      onFailure: () => {
        if (this.#keys === keys) this.#connection?.end({ code: CODE_STORE_FAILED, message: 'a batch of keys failed' })
      },
      onInbox: () => this.#inbox.wake(keys),
    })
    this.#keys = keys
    return keys
  }

  #events(keys: KeyStore): ConnectionEvents {
    return {
      qr: (code, isFirst) => {
        this.#tell('qr_required')
        this.#teller.qr(code, isFirst)
      },
      paired: () => this.#tell('connecting'),
      open: () => {
        this.#wasConnected = true
        this.#openedAtMs = performance.now()
        this.#tell('connected')
      },
      ack: attrs => this.#teller.ack(attrs),
      receipt: node => this.#teller.receipt(node, keys),
    }
  }

  /** What comes after a socket: the pause before the next one, or null for none. */
  async #next(end: SocketEnd): Promise<number | null> {
    const offeredQr = this.#connection?.offeredQr ?? false
    this.#connection = null
    if (this.#abort.signal.aborted) return null
    const verdict = this.#judge(end, offeredQr)
    if (verdict.action === 'restart') {
      this.#restarts.push(performance.now())
      this.#tell(this.#tryingState())
      return 0
    }
    if (verdict.action === 'forget') await this.#forget()
    this.#tell(verdict.state, verdict.lastError)
    if (verdict.action !== 'retry') return null
    // Codes that nobody scans are no failure of the connection: they go on at a steady pace.
    this.#failures = offeredQr ? Math.min(this.#failures + 1, 6) : this.#failures + 1
    return backoffMs(this.#failures, Math.random())
  }

  #judge(end: SocketEnd, offeredQr: boolean): Verdict {
    const nowMs = performance.now()
    if (this.#openedAtMs > 0 && nowMs - this.#openedAtMs >= this.#parts.timings.steadyMs) this.#failures = 0
    this.#openedAtMs = 0
    this.#restarts = this.#restarts.filter(atMs => nowMs - atMs < RESTART_WINDOW_MS)
    const verdict = judge(end.code, {
      linked: this.linked || this.#keys === null,
      failures: this.#failures + 1,
      autoReconnect: this.#autoReconnect,
      wasConnected: this.#wasConnected,
      offeredQr,
      restartsSpent: this.#restarts.length >= MAX_RESTARTS,
    })
    const { instanceId, log } = this.#parts
    log.info({ instanceId, code: end.code, reason: end.message, action: verdict.action }, 'whatsapp socket ended')
    return verdict
  }

  /** The phone removed this device. What was received before is told first: the inbox goes with the keys. */
  async #forget(): Promise<void> {
    await this.#inbox.drain(DRAIN_MS)
    await this.#inbox.stop()
    await this.#flush()
    this.#keys?.kill()
    this.#keys = null
    this.#forgotten = true
    await wipe(this.#parts.instanceId, { ...this.#parts, epoch: this.#parts.options.epoch })
  }

  async #windUp(): Promise<void> {
    this.#over = true
    const byItself = !this.#abort.signal.aborted
    this.#connection?.end(STOPPED)
    await this.#connection?.ended
    this.#connection = null
    await this.#flush()
    if (byItself) await this.#inbox.drain(DRAIN_MS)
    await this.#inbox.stop()
    this.#keys?.kill()
    if (byItself) await this.#teller.idle()
    else await this.#lastWord()
  }

  async #flush(): Promise<void> {
    if (this.#keys && !this.#keys.failed) await this.#keys.flush().catch(() => {})
  }

  async #lastWord(): Promise<void> {
    if (!this.#keys && !this.#forgotten) await this.#ready().catch(() => {})
    this.#tell('disconnected')
    await this.#teller.idle()
  }

  #tryingState(): InstanceState {
    return this.linked && (this.#wasConnected || this.#teller.lastState === null) ? 'reconnecting' : 'connecting'
  }

  #tell(state: InstanceState, lastError: string | null = null): void {
    // Before the credentials are read nobody knows whether a phone is linked: nothing is told then.
    if (!this.#keys && !this.#forgotten) return
    this.#teller.connection(state, {
      lastError,
      creds: this.#keys?.creds,
      connection: this.#connection?.number ?? null,
      epoch: this.#parts.options.epoch,
    })
  }
}
