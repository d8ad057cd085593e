import { setTimeout as wait } from 'node:timers/promises'
import type { Server } from './server.ts'
import { Lost } from './trouble.ts'

/** An event as the subscription gives it: its type as GraphQL spells it, with an underscore. */
export interface Happened {
  id: string
  event: string
  instanceId: string
  seq: number
  timestamp: string
  data: unknown
}

export interface From {
  instanceId: string
  /** As GraphQL spells them; null: all. */
  events: string[] | null
  /** That of the last event that is known. */
  seq: number
  onLost: (lost: Lost) => void
}

const WAIT_BASE_MS = 500
const WAIT_MAX_MS = 30_000

const EVENTS_AFTER = `subscription ($instanceId: ID!, $events: [EventType!], $after: ID) {
  eventOccurred(instanceId: $instanceId, events: $events, after: $after) { id event instanceId seq timestamp data }
}`

/** Without a gap and without a double, over as many connections as it takes. */
export async function* eventsAfter(server: Server, from: From): AsyncGenerator<Happened, void> {
  const { instanceId, events, onLost } = from
  let { seq } = from
  let failures = 0
  for (;;) {
    const sinceMs = performance.now()
    const variables = { instanceId, events, after: String(seq) }
    try {
      for await (const { eventOccurred } of server.follow<{ eventOccurred: Happened }>(EVENTS_AFTER, variables)) {
        yield eventOccurred
        seq = eventOccurred.seq
        failures = 0
      }
    } catch (error) {
      if (!(error instanceof Lost)) throw error
      onLost(error)
      if (performance.now() - sinceMs > WAIT_MAX_MS) failures = 0
      await wait(Math.min(WAIT_MAX_MS, WAIT_BASE_MS * 2 ** failures++) * (0.5 + Math.random() / 2))
    }
  }
}
