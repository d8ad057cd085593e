import type { ClaimedMessage } from '../../db/queries/outbox.ts'
import { Slots } from '../slots.ts'
import { Turns } from '../turns.ts'

/** How many messages of one instance may be between claim and ack. */
export const IN_FLIGHT_MAX = 500
/** How many of them may be handed to the socket at the same time. */
const SENDING_MAX = 16
/** With so many of one instance before it, a message is not sent soon. */
const CROWD = 32
/** And of all instances: what one tenant has waiting holds up nobody else's. */
const SLOTS_MAX = 256

/** What one instance has between the database and WhatsApp's ack, in this process. */
export class Lane {
  /** Ids claimed here and not acked yet, with the time they were written; null while not. */
  readonly #inFlight = new Map<string, number | null>()
  readonly #chats = new Map<string, ClaimedMessage[]>()
  #sending = 0
  #waiting: (() => void)[] = []
  /** The dispatch under way. */
  running: Promise<void> | null = null
  /** Whether a round was asked for that has not begun. */
  #asked = false
  #bell: () => void = () => {}

  /** Chats of which something could not go since the claim under way began. */
  #broken = new Set<string>()

  beginClaim(): void {
    this.#broken.clear()
  }

  /** Whether what was claimed of the chat would overtake what could not go meanwhile. */
  isBroken(chat: string): boolean {
    return this.#broken.has(chat)
  }

  /** Whether a round is asked for that nobody has begun. */
  get asked(): boolean {
    return this.#asked
  }

  ask(): void {
    this.#asked = true
    this.#bell()
  }

  /** Whether a round was asked for since the last call. */
  takeAsk(): boolean {
    const asked = this.#asked
    this.#asked = false
    return asked
  }

  /** Resolves when a round is asked for; one waiter at a time. */
  nextAsk(): Promise<void> {
    if (this.#asked) return Promise.resolve()
    return new Promise(resolve => {
      this.#bell = resolve
    })
  }

  get inFlight(): string[] {
    return [...this.#inFlight.keys()]
  }

  /** Whether what is accepted now has to wait for many others. */
  get isCrowded(): boolean {
    return this.#inFlight.size > CROWD
  }

  get room(): number {
    return IN_FLIGHT_MAX - this.#inFlight.size
  }

  get idle(): boolean {
    return this.running === null && this.#inFlight.size === 0
  }

  /** Starts `send` for it after the earlier ones of its chat; `send` says whether the chat may go on. */
  enqueue(message: ClaimedMessage, send: (message: ClaimedMessage) => Promise<boolean>): Promise<void> | null {
    this.#inFlight.set(message.id, null)
    const queue = this.#chats.get(message.chat)
    if (queue) {
      queue.push(message)
      return null
    }
    this.#chats.set(message.chat, [message])
    return this.#drain(message.chat, send)
  }

  written(id: string, atMs: number): void {
    if (this.#inFlight.has(id)) this.#inFlight.set(id, atMs)
  }

  landed(id: string): void {
    this.#inFlight.delete(id)
  }

  /** Forgets what was written before `beforeMs` and never acked: it may be claimed again. */
  forgetWritten(beforeMs: number): void {
    for (const [id, atMs] of this.#inFlight) if (atMs !== null && atMs <= beforeMs) this.#inFlight.delete(id)
  }

  async #drain(chat: string, send: (message: ClaimedMessage) => Promise<boolean>): Promise<void> {
    const queue = this.#chats.get(chat)!
    try {
      for (let message = queue[0]; message; message = queue[0]) {
        await this.#turn()
        const goOn = await send(message).finally(() => this.#done())
        if (!goOn) break
        queue.shift()
      }
    } finally {
      if (queue.length > 0) this.#broken.add(chat)
      for (const message of queue) this.#inFlight.delete(message.id)
      this.#chats.delete(chat)
    }
  }

  async #turn(): Promise<void> {
    if (this.#sending >= SENDING_MAX) await new Promise<void>(resolve => this.#waiting.push(resolve))
    else this.#sending++
  }

  /** Hands the turn on, or gives it back. */
  #done(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#sending--
  }
}

/** The connection, counted in this process, and the epoch of the lease under which it was made. */
export interface Way {
  connection: number
  epoch: number
}

/** The lanes of all instances that have something under way. */
export class Lanes {
  readonly slots = new Slots(SLOTS_MAX)
  /** The last instance that the clock has looked at; empty: it begins with the first. */
  lookedAt = ''
  readonly #lanes = new Map<string, Lane>()
  readonly #turns = new Turns()
  readonly #ways = new Map<string, Way>()
  readonly #waits = new Map<string, () => void>()
  readonly #failures = new Map<string, number>()

  /** From now on messages of the instance go out this way, and no other; null: none. */
  connect(instanceId: string, way: Way | null): void {
    if (way === null) this.#ways.delete(instanceId)
    else this.#ways.set(instanceId, way)
  }

  wayOf(instanceId: string): Way | null {
    return this.#ways.get(instanceId) ?? null
  }

  /** Resolves when the row has had its answer from WhatsApp, or after `timeoutMs`. Call it before the row can go out. */
  settling(id: string, timeoutMs: number): { done: Promise<void>; cancel: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>()
    const finish = () => {
      clearTimeout(timer)
      this.#waits.delete(id)
      resolve()
    }
    const timer = setTimeout(finish, timeoutMs)
    this.#waits.set(id, finish)
    return { done: promise, cancel: finish }
  }

  settled(id: string): void {
    this.#waits.get(id)?.()
    this.#failures.delete(id)
  }

  /** How many tries in a row have failed, with this one. Claims are no measure: most of them fail for the connection. */
  failed(id: string): number {
    const failures = (this.#failures.get(id) ?? 0) + 1
    this.#failures.set(id, failures)
    return failures
  }

  written(instanceId: string, id: string, atMs: number): void {
    this.#failures.delete(id)
    this.of(instanceId).written(id, atMs)
  }

  /**
   * Accepts of one chat one after another: an id taken first is then also stored first, and no later message can be
   * on its way before it. Callers of other chats do not wait.
   */
  inTurn<T>(chat: string, accept: () => Promise<T>): Promise<T> {
    return this.#turns.take(chat, accept)
  }

  of(instanceId: string): Lane {
    const lane = this.#lanes.get(instanceId) ?? new Lane()
    this.#lanes.set(instanceId, lane)
    return lane
  }

  /** Of an instance that this node has: what another one sends it knows nothing of. */
  isCrowded(instanceId: string): boolean {
    return this.#lanes.get(instanceId)?.isCrowded ?? false
  }

  landed(instanceId: string, messageId: string): void {
    const lane = this.#lanes.get(instanceId)
    lane?.landed(messageId)
    this.release(instanceId)
  }

  /** Drops the lane when nothing is under way. */
  release(instanceId: string): void {
    if (this.#lanes.get(instanceId)?.idle) this.#lanes.delete(instanceId)
  }
}
