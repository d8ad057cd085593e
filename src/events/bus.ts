import type { EventType, HouseEvent } from './catalogue.ts'
import { createFeed } from './feed.ts'
import { Order, type ReadAfter } from './order.ts'

/** The way from a committed event to who listens in this process. Publish only after the commit. */
export interface Bus {
  publish(...events: HouseEvent[]): void
  /** Another node has recorded one. */
  hear(event: { instanceId: string; seq: number }): void
  /** The instances of which somebody is told here. */
  readonly watched: string[]
  /** Who listens to the instance is told of what comes after this count. */
  startAt(instanceId: string, seq: number): void
  /** In the order of their counts. Ends with an error when the reader falls too far behind. */
  subscribe<Type extends EventType, Subject>(filter: Filter<Type>): AsyncIterableIterator<HouseEvent<Type, Subject>>
  /**
   * The next event about one thing that `accept` takes, or null after `timeoutMs`. Call it before what causes the
   * event, so that none slips by; `cancel` ends the wait at once.
   */
  next(about: string, options: Waiting): Pending
  /** Nothing will happen to this thing any more: whoever waits for its next event gets null at once. */
  gone(about: string): void
  /** How many streams are open. */
  readonly size: number
  close(): void
}

export interface Filter<Type extends EventType = EventType> {
  tenantId: string
  instanceId: string
  /** Null: all there are. */
  type: Type | null
}

export interface Waiting {
  instanceId: string
  accept: (event: HouseEvent) => boolean
  timeoutMs: number
}

/** A promise that can be given up. */
export interface Pending {
  event: Promise<HouseEvent | null>
  cancel(): void
}

export interface BusOptions {
  /** Told at once of each event that was recorded here. */
  published?: (event: HouseEvent) => void
  /** Where events of other nodes are found. `subject` is null where there is none any more. */
  read?: ReadAfter<HouseEvent>
}

export function createBus({ published = () => {}, read }: BusOptions = {}): Bus {
  const feed = createFeed<HouseEvent>()
  const waits = new Map<string, Set<(event: HouseEvent | null) => void>>()
  const channel = ({ tenantId, instanceId, type }: Filter) => `${tenantId} ${instanceId} ${type ?? '*'}`
  const tell = (event: HouseEvent) => {
    for (const wait of [...(waits.get(event.about) ?? [])]) wait(event)
  }
  const order = new Order<HouseEvent>((event, isRead) => {
    // Those who wait for one that was recorded here have been told already.
    if (isRead) tell(event)
    if (event.subject !== null) feed.publish(channel(event), event)
    feed.publish(channel({ ...event, type: null }), event)
  }, read)
  return {
    publish(...events) {
      for (const event of events) {
        order.push(event)
        tell(event)
        published(event)
      }
    },
    hear: event => order.hear(event),
    get watched() {
      return order.watched
    },
    startAt: (instanceId, seq) => order.startAt(instanceId, seq),
    gone(about) {
      for (const wait of [...(waits.get(about) ?? [])]) wait(null)
    },
    next(about, { instanceId, accept, timeoutMs }) {
      const leave = order.watch(instanceId)
      let finish: (event: HouseEvent | null) => void = () => {}
      const wait = (event: HouseEvent | null) => {
        if (event === null || accept(event)) finish(event)
      }
      waits.set(about, (waits.get(about) ?? new Set()).add(wait))
      const event = new Promise<HouseEvent | null>(resolve => {
        const timer = setTimeout(() => finish(null), timeoutMs)
        finish = result => {
          clearTimeout(timer)
          leave()
          const open = waits.get(about)
          open?.delete(wait)
          if (open?.size === 0) waits.delete(about)
          resolve(result)
        }
      })
      return { event, cancel: () => finish(null) }
    },
    subscribe<Type extends EventType, Subject>(filter: Filter<Type>) {
      const leave = order.watch(filter.instanceId)
      return feed.subscribe(channel(filter), leave) as unknown as AsyncIterableIterator<HouseEvent<Type, Subject>>
    },
    get size() {
      return feed.size
    },
    close() {
      order.close()
      feed.close()
    },
  }
}
