import type { App } from '../../context.ts'
import { instancesWithDue } from '../../db/queries/outbox.ts'
import { dispatchPending } from './dispatchPending.ts'

/** The clock's call: what WhatsApp has not acked in time goes out again, with the same id. */
export async function dispatchDue(app: App): Promise<void> {
  for (const instanceId of await instancesWithDue(app.db.sql, { owner: app.node.id, now: app.clock.now() })) {
    app.background('dispatch', dispatchPending(app, instanceId))
  }
}
