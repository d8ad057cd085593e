import type { EventType, HouseEvent } from './catalogue.ts'
import { createFeed } from './feed.ts'
import { Order } from './order.ts'

/** The way from a committed event to who listens in this process. Publish only after the commit. */
export interface Bus {
  publish(...events: HouseEvent[]): void
  /** In the order of their counts. Ends with an error when the reader falls too far behind. */
  subscribe<Type extends EventType, Subject>(filter: Filter<Type>): AsyncIterableIterator<HouseEvent<Type, Subject>>
  /**
   * The next event about one thing that `accept` takes, or null after `timeoutMs`. Call it before what causes the
   * event, so that none slips by; `cancel` ends the wait at once.
   */
  next(about: string, options: { accept: (event: HouseEvent) => boolean; timeoutMs: number }): Pending
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

/** A promise that can be given up. */
export interface Pending {
  event: Promise<HouseEvent | null>
  cancel(): void
}

/** `toDeliver` is told at once of each event that is on its way to webhooks. */
export function createBus(toDeliver: (event: HouseEvent) => void = () => {}): Bus {
  const feed = createFeed<HouseEvent>()
  const waits = new Map<string, Set<(event: HouseEvent | null) => void>>()
  const channel = ({ tenantId, instanceId, type }: Filter) => `${tenantId} ${instanceId} ${type ?? '*'}`
  const order = new Order<HouseEvent>(event => {
    feed.publish(channel(event), event)
    feed.publish(channel({ ...event, type: null }), event)
  })
  return {
    publish(...events) {
      for (const event of events) {
        order.push(event)
        for (const wait of [...(waits.get(event.about) ?? [])]) wait(event)
        if (event.webhooks.length > 0) toDeliver(event)
      }
    },
    gone(about) {
      for (const wait of [...(waits.get(about) ?? [])]) wait(null)
    },
    next(about, { accept, timeoutMs }) {
      let finish: (event: HouseEvent | null) => void = () => {}
      const wait = (event: HouseEvent | null) => {
        if (event === null || accept(event)) finish(event)
      }
      waits.set(about, (waits.get(about) ?? new Set()).add(wait))
      const event = new Promise<HouseEvent | null>(resolve => {
        const timer = setTimeout(() => finish(null), timeoutMs)
        finish = result => {
          clearTimeout(timer)
          const open = waits.get(about)
          open?.delete(wait)
          if (open?.size === 0) waits.delete(about)
          resolve(result)
        }
      })
      return { event, cancel: () => finish(null) }
    },
    subscribe<Type extends EventType, Subject>(filter: Filter<Type>) {
      return feed.subscribe(channel(filter)) as unknown as AsyncIterableIterator<HouseEvent<Type, Subject>>
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
