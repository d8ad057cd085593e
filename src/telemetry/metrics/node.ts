import { Counter, Gauge, type Registry } from 'prom-client'

export interface NodeNow {
  /** Since its row was written last; null: it takes no part. */
  beatAgeMs: number | null
  fenced: boolean
  draining: boolean
}

export interface NodeMetrics {
  set(now: NodeNow): void
  /** It was out of touch, and has closed its sockets. */
  fenced(): void
  /** Another node had gone silent, and its instances are anybody's. */
  buried(): void
  took(instances: number): void
  gave(instances: number): void
}

const DIRECTIONS = ['taken', 'given'] as const

export function nodeMetrics(registry: Registry): NodeMetrics {
  const registers = [registry]
  const beat = new Gauge({
    name: 'wataki_node_beat_age_seconds',
    help: 'Since this node last wrote that it lives; after 5.5 it closes its sockets',
    registers,
  })
  const fenced = new Gauge({
    name: 'wataki_node_fenced',
    help: '1: this node is out of touch with the database and has given its instances up',
    registers,
  })
  const draining = new Gauge({ name: 'wataki_node_draining', help: '1: this node is being emptied', registers })
  const fences = new Counter({
    name: 'wataki_node_fences_total',
    help: 'How often this node has given all its instances up',
    registers,
  })
  const buried = new Counter({
    name: 'wataki_nodes_buried_total',
    help: 'Silent nodes whose instances this one has set free',
    registers,
  })
  const handovers = new Counter({
    name: 'wataki_handovers_total',
    help: 'Instances that this node has taken, or handed over to others',
    labelNames: ['direction'],
    registers,
  })
  for (const direction of DIRECTIONS) handovers.inc({ direction }, 0)
  return {
    set(now) {
      if (now.beatAgeMs === null) beat.remove()
      else beat.set(now.beatAgeMs / 1000)
      fenced.set(Number(now.fenced))
      draining.set(Number(now.draining))
    },
    fenced: () => fences.inc(),
    buried: () => buried.inc(),
    took: instances => handovers.inc({ direction: 'taken' }, instances),
    gave: instances => handovers.inc({ direction: 'given' }, instances),
  }
}
