import type { App } from '../../context.ts'
import { instancesWithDue } from '../../db/queries/outbox.ts'
import { dispatchPending } from './dispatchPending.ts'

const INSTANCES_MAX = 1000

/** The clock's call: what WhatsApp has not acked in time goes out again, with the same id. Instances take turns. */
export async function dispatchDue(app: App, limit = INSTANCES_MAX): Promise<void> {
  const { lanes, node } = app
  const of = { owner: node.id, now: app.clock.now(), after: lanes.lookedAt, limit }
  const due = await instancesWithDue(app.db.sql, of)
  lanes.lookedAt = due.length === limit ? due.at(-1)! : ''
  for (const instanceId of due) app.background('dispatch', dispatchPending(app, instanceId))
}
