import type { BinaryNode, WASocket } from '@whiskeysockets/baileys'
import { Account } from './account/account.ts'
import type { Caches } from './caches.ts'
import type { KeyStore } from './key-store.ts'
import { baileysLogger, type Log } from './log.ts'
import { handleInOrder } from './order.ts'
import { sentMessage } from './outbound/compose.ts'
import { signalRepository } from './signal.ts'
import { makeSocket, type Timings } from './socket.ts'
import { CODE_CRASHED, CODE_REFUSED } from './states.ts'
import { SocketTimers } from './timers.ts'
import { leaveScope, runInScope } from './trust.ts'
import { readInTurns } from './turns.ts'
import { endWaiting, onUpgradeRefused, silencedUnless, terminateSoon, type Watch } from './watchdog.ts'
import type { Network, SeenNews, SyncNews } from './whatsapp.ts'

export interface SocketEnd {
  code: number
  message: string
}

export interface ConnectionEvents {
  qr(code: string, isFirst: boolean): void
  /** The phone has scanned; WhatsApp will ask for a restart. */
  paired(): void
  open(): void
  ack(attrs: Record<string, string>): void
  receipt(node: BinaryNode): void
  sync(news: SyncNews): Promise<void>
  seen(news: SeenNews): Promise<void>
}

export interface ConnectionParts {
  instanceId: string
  network: Network
  keys: KeyStore
  caches: Caches
  log: Log
  mayWrite: () => boolean
  timings: Timings
  events: ConnectionEvents
  sentPayload(whatsappId: string): Promise<Uint8Array | null>
}

let made = 0

/** One socket, from its making to its end. It never comes back: the session makes another. */
export class Connection {
  /** Of all in this process. */
  readonly number = ++made
  /** Null when it could not even be made. */
  readonly socket: WASocket | null = null
  /** Resolves once, when nothing of the socket is left. */
  readonly ended: Promise<SocketEnd>
  /** Resolves at the first QR code, at the opening or at the end: the login burst is over. */
  readonly settled: Promise<void>
  isOpen = false
  offeredQr = false
  /** When something came last, by the monotonic clock. */
  heardMs = performance.now()
  readonly #parts: ConnectionParts
  readonly #finish: (end: SocketEnd) => void
  readonly #settle: () => void
  readonly #loginTimer: NodeJS.Timeout
  readonly #events: ConnectionEvents
  readonly #waiting = new Set<() => void>()
  readonly #timers = new SocketTimers()
  #reason: SocketEnd | null = null
  #finished = false
  #dying: Watch | null = null
  readonly #account: Account
  /** Messages that came without anything to decrypt. */
  #empty = 0
  /** Attributes of the stanza that carried a ciphertext; the entry goes when Baileys lets go of the bytes. */
  readonly #stanzas = new WeakMap<Uint8Array, Record<string, string>>()

  constructor(parts: ConnectionParts) {
    this.#parts = parts
    this.#events = outOfScope(parts.events)
    const { sync, seen } = this.#events
    this.#account = new Account({ ...parts, remembered: parts.caches.remembered, sync, seen })
    const ended = Promise.withResolvers<SocketEnd>()
    const settled = Promise.withResolvers<void>()
    this.ended = ended.promise
    this.settled = settled.promise
    this.#finish = ended.resolve
    this.#settle = settled.resolve
    this.#loginTimer = setTimeout(
      () => this.end({ code: 408, message: 'no login in time' }),
      parts.timings.loginTimeoutMs,
    )
    const crashed = (error: unknown) => this.#crashed(error)
    const scope = { rootKey: parts.network.rootKey, crashed, timers: this.#timers }
    try {
      this.socket = runInScope(scope, () => this.#make())
    } catch (error) {
      this.#finished = true
      this.#done({ code: CODE_CRASHED, message: String(error) })
    }
  }

  /** Shuts the socket; the first reason given is the one that counts. */
  end(reason: SocketEnd): void {
    if (this.#finished) return
    this.#reason ??= reason
    this.isOpen = false
    if (!this.socket) return
    this.#armTermination()
    this.socket.end(new Error(reason.message)).catch(() => {})
  }

  /** `work`, or what `fallback` gives when the socket ends before it. */
  untilEnd<T>(work: Promise<T>, fallback: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const leave = () => resolve(fallback())
      this.#waiting.add(leave)
      work.then(resolve, reject).finally(() => this.#waiting.delete(leave))
      if (this.#finished) leave()
    })
  }

  #make(): WASocket {
    const { keys, log, instanceId } = this.#parts
    const events = this.#events
    const socket = makeSocket({
      ...this.#parts,
      logger: baileysLogger(log, instanceId),
      makeSignalRepository: signalRepository({
        instanceId,
        keys,
        stanzaOf: bytes => this.#stanzas.get(bytes),
        onClose: () => this.#armTermination(),
      }),
      groupOf: jid => this.#account.groups.kept(jid),
      getMessage: async ({ id }) => sentMessage(id ? await leaveScope(() => this.#parts.sentPayload(id)) : null),
    })
    silencedUnless(this.#parts.mayWrite, socket)
    readInTurns(socket)
    socket.ws.on('frame', () => {
      this.heardMs = performance.now()
    })
    handleInOrder(socket, {
      isOver: () => this.#reason !== null || this.#finished,
      crashed: error => this.#crashed(error),
    })
    socket.ws.prependListener('CB:message', (node: BinaryNode) => this.#noteStanza(node))
    socket.ws.on('CB:ack,class:message', (node: BinaryNode) => events.ack(node.attrs))
    socket.ws.on('CB:receipt', (node: BinaryNode) => events.receipt(node))
    onUpgradeRefused(socket, status => this.end({ code: CODE_REFUSED, message: `HTTP ${status} at the upgrade` }))
    this.#account.attach(socket)
    socket.ev.on('creds.update', () => this.#saveCredentials())
    socket.ev.on('connection.update', update => {
      if (update.qr) this.#showQr(update.qr)
      if (update.isNewLogin) events.paired()
      if (update.connection === 'open') this.#opened()
      if (update.connection === 'close') this.#closed(update.lastDisconnect?.error)
    })
    return socket
  }

  #noteStanza(node: BinaryNode): void {
    if (!Array.isArray(node.content)) return
    let sealed = 0
    for (const { tag, content } of node.content)
      if (tag === 'enc' && content instanceof Uint8Array) {
        this.#stanzas.set(content, node.attrs)
        sealed++
      }
    if (sealed > 0) return
    // Newsletters, and what only the phone may read: Baileys asks the phone for the latter.
    const count = ++this.#empty
    if (!Number.isInteger(Math.log2(count))) return
    const { instanceId, log } = this.#parts
    const holds = node.content.map(({ tag }) => tag).join(' ')
    log.info({ instanceId, holds, count }, 'messages came without anything to decrypt')
  }

  /** Before the link there is nothing worth keeping: each socket that offers QR codes has keys of its own. */
  #saveCredentials(): void {
    const { keys } = this.#parts
    if (keys.creds.account && !keys.failed) keys.saveCredentials().catch(() => {})
  }

  #showQr(code: string): void {
    // Baileys goes on making codes after the scan, until the restart.
    if (this.#parts.keys.creds.account) return
    const isFirst = !this.offeredQr
    this.offeredQr = true
    this.#loggedIn()
    this.#events.qr(code, isFirst)
  }

  #opened(): void {
    if (this.#reason) return
    this.isOpen = true
    this.#loggedIn()
    this.#events.open()
    const { socket } = this
    if (socket) leaveScope(() => this.#account.opened(socket))
  }

  #loggedIn(): void {
    clearTimeout(this.#loginTimer)
    this.#settle()
  }

  #crashed(error: unknown): void {
    if (this.#finished || this.#reason) return
    const { log, instanceId } = this.#parts
    log.error({ instanceId, err: error }, 'whatsapp socket crashed')
    this.end({ code: CODE_CRASHED, message: error instanceof Error ? error.message : String(error) })
  }

  #armTermination(): void {
    this.isOpen = false
    this.#account.close()
    this.#dying ??= terminateSoon(
      () => this.socket,
      () => this.#closed(undefined),
    )
  }

  #closed(error: unknown): void {
    if (this.#finished) return
    this.#finished = true
    this.isOpen = false
    if (this.socket) endWaiting(this.socket)
    this.#done(this.#reason ?? { code: statusOf(error), message: error instanceof Error ? error.message : 'closed' })
  }

  #done(end: SocketEnd): void {
    clearTimeout(this.#loginTimer)
    this.#account.close()
    this.#dying?.cancel()
    this.#timers.end()
    for (const leave of this.#waiting) leave()
    this.#waiting.clear()
    this.#settle()
    this.#finish(end)
  }
}

/** What the house does with an event is not the socket's any more. */
function outOfScope(events: ConnectionEvents): ConnectionEvents {
  return {
    qr: (code, isFirst) => leaveScope(() => events.qr(code, isFirst)),
    paired: () => leaveScope(() => events.paired()),
    open: () => leaveScope(() => events.open()),
    ack: attrs => leaveScope(() => events.ack(attrs)),
    receipt: node => leaveScope(() => events.receipt(node)),
    sync: news => leaveScope(() => events.sync(news)),
    seen: news => leaveScope(() => events.seen(news)),
  }
}

function statusOf(error: unknown): number {
  const status = (error as { output?: { statusCode?: unknown } } | undefined)?.output?.statusCode
  return typeof status === 'number' ? status : 428
}
