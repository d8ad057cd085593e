import { Gauge, type Registry } from 'prom-client'

/** What waits; `oldestSeconds` null: nothing. */
export interface Waiting {
  count: number
  oldestSeconds: number | null
}

/** What all nodes on the database share: every one of them tells the same. */
export interface Shared {
  instances: Record<string, number>
  nodes: Record<string, number>
  /** Of instances that are connected, and of those that are not. */
  outbox: { connected: Waiting; unconnected: Waiting }
  deliveries: Waiting
  letters: Waiting
  media: Waiting
}

export interface QueueMetrics {
  /** Null: the database does not tell, and nothing old is told in its place. */
  set(shared: Shared | null): void
}

const STATES = {
  instances: ['disconnected', 'connecting', 'qr_required', 'connected', 'reconnecting', 'logged_out', 'error'],
  nodes: ['active', 'draining', 'silent'],
} as const

export function queueMetrics(registry: Registry): QueueMetrics {
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: Label[] = []) =>
    new Gauge<Label>({ name, help, labelNames, registers: [registry] })
  const up = gauge('wataki_database_up', '1: the database told what waits; 0: it did not, or not in time')
  const instances = gauge('wataki_instances', 'Instances of all nodes, by state', ['state'])
  const nodes = gauge('wataki_nodes', 'Nodes on the database, by state', ['state'])
  const outbox = gauge('wataki_outbox_messages', 'Messages of all nodes that wait for WhatsApp', ['connected'])
  const outboxAge = gauge('wataki_outbox_oldest_seconds', 'Age of the oldest of them; 0: there is none', ['connected'])
  const queues = {
    deliveries: [
      gauge('wataki_webhook_deliveries_pending', 'Deliveries of all nodes that wait for their receiver'),
      gauge('wataki_webhook_deliveries_oldest_seconds', 'Age of the oldest of them; 0: there is none'),
    ],
    letters: [
      gauge('wataki_letters_pending', 'Letters that wait for the mail server'),
      gauge('wataki_letters_oldest_seconds', 'Age of the oldest of them; 0: there is none'),
    ],
    media: [
      gauge('wataki_media_pending', 'Received files that wait to be fetched from WhatsApp'),
      gauge('wataki_media_oldest_seconds', 'Age of the oldest of them; 0: there is none'),
    ],
  } as const
  return {
    set(shared) {
      up.set(shared ? 1 : 0)
      if (!shared) {
        for (const labelled of [instances, nodes, outbox, outboxAge]) labelled.reset()
        for (const plain of Object.values(queues).flat()) plain.remove()
        return
      }
      for (const state of STATES.instances) instances.set({ state }, shared.instances[state] ?? 0)
      for (const state of STATES.nodes) nodes.set({ state }, shared.nodes[state] ?? 0)
      for (const [connected, { count, oldestSeconds }] of [
        ['true', shared.outbox.connected],
        ['false', shared.outbox.unconnected],
      ] as const) {
        outbox.set({ connected }, count)
        outboxAge.set({ connected }, oldestSeconds ?? 0)
      }
      for (const name of ['deliveries', 'letters', 'media'] as const) {
        const [depth, age] = queues[name]
        depth.set(shared[name].count)
        age.set(shared[name].oldestSeconds ?? 0)
      }
    },
  }
}
