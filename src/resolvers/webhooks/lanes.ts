import { setTimeout as sleep } from 'node:timers/promises'
import type { App } from '../../context.ts'
import type { DeliveryRow } from '../../db/queries/webhook-deliveries.ts'
import type { DueDelivery, TriedDelivery } from '../../db/queries/webhook-outbox.ts'
import { createFeed, type Feed } from '../../events/feed.ts'
import { Slots } from '../slots.ts'

/** Requests under way at once, in this process. */
const SLOTS_MAX = 512
/** To one webhook; fewer once it takes nothing, so that one that hangs holds little up. */
const WIDTH_MAX = 10
const WIDTH_FAILING = 3
const FAILING_AFTER = 5
/** Of one webhook: under way, or answered and not written down. So many at most are sent again after a crash. */
const IN_HAND_MAX = 20

export interface Target {
  webhookId: string
  tenantId: string
}

/** What this process has in hand for one webhook. */
export class Lane {
  readonly webhookId: string
  readonly tenantId: string
  readonly inHand = new Set<string>()
  /** Until when nobody else delivers here, on this process's own clock. */
  claimedUntilMs = 0
  running: Promise<void> | null = null
  readonly tried: TriedDelivery[] = []
  writing: Promise<void> | null = null
  #asked = false
  #failures = 0
  #underWay = 0
  readonly #chats = new Map<string, Promise<void>>()
  #changed = Promise.withResolvers<void>()

  constructor({ webhookId, tenantId }: Target) {
    this.webhookId = webhookId
    this.tenantId = tenantId
  }

  /** There may be something new to deliver. */
  ask(): void {
    this.#asked = true
    this.#change()
  }

  get asked(): boolean {
    return this.#asked
  }

  takeAsk(): void {
    this.#asked = false
  }

  /** How many more may be taken in hand. While many are, none: what is claimed is claimed by several. */
  get room(): number {
    const width = this.#failures >= FAILING_AFTER ? WIDTH_FAILING : WIDTH_MAX
    const room = Math.min(width - this.#underWay, IN_HAND_MAX - this.inHand.size)
    return room > width / 2 ? room : 0
  }

  /** Until something was asked for, or is in hand no longer. */
  changed(): Promise<void> {
    return this.#changed.promise
  }

  ended(taken: boolean): void {
    this.#failures = taken ? 0 : this.#failures + 1
  }

  /** The first tries of a chat go one after the other, so that they arrive in order; all else as it comes. */
  enqueue(delivery: DueDelivery, work: () => Promise<void>): Promise<void> {
    this.inHand.add(delivery.id)
    this.#underWay++
    return (delivery.attempts > 0 ? work() : this.#inTurn(delivery.chat, work)).finally(() => {
      this.#underWay--
      this.#change()
    })
  }

  #inTurn(chat: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#chats.get(chat) ?? Promise.resolve()).then(work)
    this.#chats.set(chat, turn)
    return turn.finally(() => {
      if (this.#chats.get(chat) === turn) this.#chats.delete(chat)
    })
  }

  done(id: string): void {
    this.inHand.delete(id)
    this.#change()
  }

  #change(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}

/** What is between the database and the receivers. */
export class Deliveries {
  readonly slots = new Slots(SLOTS_MAX)
  /** The last webhook that the clock has looked at; empty: it begins with the first. */
  lookedAt = ''
  /** Each delivery as it is after a try, by its instance. */
  readonly feed: Feed<DeliveryRow> = createFeed()
  readonly #lanes = new Map<string, Lane>()
  /** Until when, by webhook; the oldest first. */
  readonly #held = new Map<string, number>()
  #ended = false
  readonly #ending = new AbortController()

  of(target: Target): Lane {
    const lane = this.#lanes.get(target.webhookId) ?? new Lane(target)
    this.#lanes.set(target.webhookId, lane)
    return lane
  }

  /** This process has claimed the webhook, and nobody else delivers to it for a while. */
  held({ webhookId, claimedUntilMs }: Lane): void {
    this.#held.delete(webhookId)
    this.#held.set(webhookId, claimedUntilMs)
    for (const [id, untilMs] of this.#held) {
      if (untilMs > performance.now()) break
      this.#held.delete(id)
    }
  }

  holds(webhookId: string): boolean {
    return (this.#held.get(webhookId) ?? 0) > performance.now()
  }

  /** When nothing is in hand, nothing need be known of it. */
  forget(lane: Lane): void {
    if (lane.inHand.size === 0 && !lane.asked) this.#lanes.delete(lane.webhookId)
  }

  /** Whether this process begins nothing new. */
  get ended(): boolean {
    return this.#ended
  }

  /** Aborts what is under way. */
  get signal(): AbortSignal {
    return this.#ending.signal
  }

  /** Nothing new is begun; what is under way has so long to end by itself, and resolves this early when it does. */
  async end(graceMs: number): Promise<void> {
    this.#ended = true
    const lanes = [...this.#lanes.values()]
    for (const lane of lanes) lane.ask()
    const settled = Promise.all(lanes.map(lane => lane.running?.catch(() => {})))
    const over = new AbortController()
    await Promise.race([settled, sleep(graceMs, null, { signal: over.signal }).catch(() => {})])
    over.abort()
    this.#ending.abort()
    await settled
  }
}

/** The stream of an instance's deliveries. */
export const feedKey = (of: { tenantId: string; instanceId: string }): string => `${of.tenantId} ${of.instanceId}`

export type Deliverer = Pick<
  App,
  'db' | 'delivery' | 'deliveries' | 'config' | 'secrets' | 'log' | 'node' | 'background'
>
