import type { App } from '../../context.ts'
import type { Exposition } from '../../telemetry/metrics/metrics.ts'
import { SharedFigures } from './shared-figures.ts'

/** What Prometheus reads: what was counted in this process, what it holds now, and what waits for all nodes. */
export function expositionOf(app: App): () => Promise<Exposition> {
  const figures = new SharedFigures(app)
  return async () => {
    const shared = await figures.present()
    const { metrics, node, db, whatsapp, turnstile } = app
    metrics.queues.set(shared)
    metrics.http.atTheDoor(turnstile)
    metrics.database.set(db.pool)
    metrics.sockets.set(whatsapp.running().map(({ silentMs }) => silentMs))
    metrics.node.set({ beatAgeMs: node.joined ? node.beatAgeMs : null, fenced: node.fenced, draining: node.draining })
    return metrics.exposition()
  }
}
