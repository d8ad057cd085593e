import { setTimeout as sleep } from 'node:timers/promises'
import { initAuthCreds, type WASocket } from '@whiskeysockets/baileys'
import type { Clock } from '../clock.ts'
import type { SocketMetrics } from '../telemetry/metrics/sockets.ts'
import { Attempts } from './attempts.ts'
import { type Caches, createCaches } from './caches.ts'
import { Connection, type ConnectionEvents, type SocketEnd } from './connection.ts'
import type { Gate } from './gate.ts'
import { History } from './history/history.ts'
import { Inbox } from './inbox.ts'
import { KeyStore } from './key-store.ts'
import { isLeaseLost, isUnopened } from './lease.ts'
import type { Log } from './log.ts'
import type { DownloadLimits } from './media/download.ts'
import { decodeCredentials } from './row-codec.ts'
import { qrLifeMs, type Timings } from './socket.ts'
import { CODE_STOPPED, CODE_STORE_FAILED, CODE_UNOPENED, reasonOf } from './states.ts'
import { Teller } from './teller.ts'
import type { InstanceState, News, SessionOptions, Vault } from './whatsapp.ts'
import { wipe } from './wipe.ts'

export interface SessionParts {
  instanceId: string
  options: SessionOptions
  vault: Vault
  news: News
  log: Log
  metrics?: SocketMetrics | undefined
  clock: Clock
  mayWrite: () => boolean
  gate: Gate
  /** History is read by few at a time. */
  historyGate: Gate
  timings: Timings
  lingerMs: number
  maxNews: number
  /** Of downloads of history. */
  limits?: DownloadLimits | undefined
  /** The session before this one is gone. */
  after: Promise<unknown>
}

const DRAIN_MS = 10_000
const keysFailed = (error: unknown): SocketEnd => ({
  code: isUnopened(error) ? CODE_UNOPENED : CODE_STORE_FAILED,
  message: String(error),
})
const STOPPED: SocketEnd = { code: CODE_STOPPED, message: 'stopped' }

/** One phone: owns its socket, makes the next one when it ends, and says how it stands. */
export class Session {
  /** Resolves when no socket and no timer is left. Never rejects. */
  readonly finished: Promise<void>
  readonly #parts: SessionParts
  readonly #abort = new AbortController()
  readonly #teller: Teller
  readonly #history: History
  readonly #inbox: Inbox
  readonly #caches: Caches = createCaches()
  #autoReconnect: boolean
  #epoch: number
  #leaving = false
  #forgotten = false
  #over = false
  #keys: KeyStore | null = null
  #connection: Connection | null = null
  readonly #attempts: Attempts

  constructor(parts: SessionParts) {
    this.#parts = parts
    this.#autoReconnect = parts.options.autoReconnect
    this.#attempts = new Attempts(parts.timings.steadyMs)
    this.#epoch = parts.options.epoch
    const teller = new Teller({ ...parts, onLeaseLost: () => this.giveWay() })
    const { network } = parts.options
    this.#teller = teller
    this.#history = new History({ ...parts, network, gate: parts.historyGate, tell: news => teller.sync(news) })
    this.#inbox = new Inbox({ ...parts, history: this.#history, onTold: told => teller.told(told) })
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

  /** Since when the open socket has heard nothing; null: none is open. */
  get silentMs(): number | null {
    return this.#connection?.isOpen ? performance.now() - this.#connection.heardMs : null
  }

  /** The epoch never goes back: who starts a running session has taken the lease for it. */
  configure(options: { autoReconnect: boolean; epoch?: number }): void {
    this.#autoReconnect = options.autoReconnect
    this.#epoch = Math.max(this.#epoch, options.epoch ?? 0)
  }

  /** From now on nothing is told; what follows is a stop. */
  silence(): void {
    this.#leaving = true
    this.#teller.silence()
    void this.#inbox.stop()
    void this.#history.stop()
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

  /** `work` on the open socket, or what `otherwise` gives: there is none, it ended before, or it is not the one meant. */
  async onSocket<T>(
    work: (socket: WASocket) => Promise<T>,
    otherwise: () => T,
    connection = this.#connection?.number,
  ): Promise<T> {
    const present = this.#connection
    if (!present?.isOpen || !present.socket || present.number !== connection) return otherwise()
    // Baileys may not notice for long that the answer will never come.
    return present.untilEnd(work(present.socket), otherwise)
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
    const { gate, instanceId, options, log, mayWrite, timings, vault } = this.#parts
    let keys: KeyStore
    try {
      keys = await this.#ready()
    } catch (error) {
      log.error({ instanceId, err: error }, 'the keys of the session could not be made ready')
      return keysFailed(error)
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
        mayWrite,
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
      epoch: () => this.#epoch,
      lingerMs,
      onFailure: error => {
        if (isLeaseLost(error)) this.giveWay()
        else if (this.#keys === keys) this.#connection?.end(keysFailed(error))
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
        const lifeMs = qrLifeMs(this.#parts.options.network, isFirst)
        this.#teller.qr(code, { lifeMs, epoch: this.#epoch })
      },
      paired: () => this.#tell('connecting'),
      open: () => {
        if (this.#attempts.wasConnected) this.#parts.metrics?.reconnected()
        this.#attempts.opened()
        this.#tell('connected')
      },
      ack: attrs => this.#teller.ack(attrs),
      receipt: node => this.#teller.receipt(node, keys),
      sync: news => this.#teller.sync(news),
      seen: news => this.#teller.seen(news),
    }
  }

  /** What comes after a socket: the pause before the next one, or null for none. */
  async #next(end: SocketEnd): Promise<number | null> {
    const offeredQr = this.#connection?.offeredQr ?? false
    this.#connection = null
    this.#parts.metrics?.ended(reasonOf(end.code))
    if (this.#abort.signal.aborted) return null
    const verdict = this.#attempts.judge(end.code, {
      linked: this.linked || this.#keys === null,
      autoReconnect: this.#autoReconnect,
      offeredQr,
    })
    const { instanceId, log } = this.#parts
    log.info({ instanceId, code: end.code, reason: end.message, action: verdict.action }, 'whatsapp socket ended')
    if (verdict.action === 'restart') {
      this.#tell(this.#tryingState())
      return 0
    }
    if (verdict.action === 'forget') this.#parts.metrics?.loggedOut('phone')
    if (verdict.action === 'forget') await this.#forget()
    this.#tell(verdict.state, verdict.lastError)
    return verdict.action === 'retry' ? this.#attempts.pauseMs(end.code, offeredQr) : null
  }

  /** The phone removed this device. What was received before is told first: the inbox goes with the keys. */
  async #forget(): Promise<void> {
    await this.#inbox.drain(DRAIN_MS)
    await Promise.all([this.#inbox.stop(), this.#history.stop()])
    await this.#flush()
    this.#keys?.kill()
    this.#keys = null
    this.#forgotten = true
    if (!(await wipe(this.#parts.instanceId, { ...this.#parts, epoch: this.#epoch }))) this.silence()
  }

  /** Another session has the instance, or may have: nothing goes out any more, and nothing is told. */
  giveWay(): void {
    this.#connection?.end(STOPPED)
    this.silence()
    this.#abort.abort()
  }

  async #windUp(): Promise<void> {
    this.#over = true
    const byItself = !this.#abort.signal.aborted
    this.#connection?.end(STOPPED)
    await this.#connection?.ended
    this.#connection = null
    await this.#flush()
    if (byItself) await this.#inbox.drain(DRAIN_MS)
    await Promise.all([this.#inbox.stop(), this.#history.stop()])
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
    return this.linked && (this.#attempts.wasConnected || this.#teller.lastState === null)
      ? 'reconnecting'
      : 'connecting'
  }

  #tell(state: InstanceState, lastError: string | null = null): void {
    // Before the credentials are read nobody knows whether a phone is linked: only that they cannot be is told then.
    const isUnread = !this.#keys && !this.#forgotten
    if (isUnread && state !== 'error') return
    this.#teller.connection(state, {
      lastError,
      creds: isUnread ? null : this.#keys?.creds,
      connection: this.#connection?.number ?? null,
      epoch: this.#epoch,
    })
  }
}
