/**
 * What the operator's Prometheus reads of this process: one function for each fact. It owns the names of series and what
 * their labels may be: each is of a list that the code holds, and never a tenant, an instance, an address or a word of a
 * caller's. It refuses to know what any of it means, and who may read it.
 */
import { Gauge, Registry } from 'prom-client'
import { type DatabaseMetrics, databaseMetrics } from './database.ts'
import { type HttpMetrics, httpMetrics } from './http.ts'
import { type MessageMetrics, messageMetrics } from './messages.ts'
import { type NodeMetrics, nodeMetrics } from './node.ts'
import { processMetrics } from './process.ts'
import { type QueueMetrics, queueMetrics } from './queues.ts'
import { type SocketMetrics, socketMetrics } from './sockets.ts'
import { type WebhookMetrics, webhookMetrics } from './webhooks.ts'
import { type WorkMetrics, workMetrics } from './work.ts'

export interface Metrics {
  messages: MessageMetrics
  webhooks: WebhookMetrics
  sockets: SocketMetrics
  http: HttpMetrics
  node: NodeMetrics
  database: DatabaseMetrics
  queues: QueueMetrics
  work: WorkMetrics
  /** As Prometheus reads it. */
  exposition(): Promise<Exposition>
}

export interface Exposition {
  contentType: string
  text: string
}

export function createMetrics({ version }: { version: string }): Metrics {
  const registry = new Registry()
  new Gauge({
    name: 'wataki_build_info',
    help: 'Always 1: which Wataki this is, and on which Node it runs',
    labelNames: ['version', 'node'],
    registers: [registry],
  }).set({ version, node: process.versions.node }, 1)
  const metrics = {
    messages: messageMetrics(registry),
    webhooks: webhookMetrics(registry),
    sockets: socketMetrics(registry),
    http: httpMetrics(registry),
    node: nodeMetrics(registry),
    database: databaseMetrics(registry),
    queues: queueMetrics(registry),
    work: workMetrics(registry),
  }
  const all = Registry.merge([registry, processMetrics()])
  return { ...metrics, exposition: async () => ({ contentType: all.contentType, text: await all.metrics() }) }
}
