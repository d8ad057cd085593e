import type { App } from '../../context.ts'
import { newestCounts } from '../../db/queries/events.ts'

/** Who has just begun to listen to an instance here hears from now on what any node records of it, and nothing older. */
export async function follow(app: App, instanceId: string): Promise<void> {
  if (!app.node.shared) return
  const [newest] = await newestCounts(app.db.sql, [instanceId])
  app.bus.startAt(instanceId, newest?.seq ?? 0)
}
