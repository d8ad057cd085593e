import type { App } from '../../context.ts'
import { instancesWithWaiting, recountWaiting } from '../../db/queries/waiting.ts'

/** The clock's call. A node of a version that does not count may share the database for a while. */
export async function recountDue(app: App): Promise<void> {
  for (const instanceId of await instancesWithWaiting(app.db.sql)) {
    await app.db.transaction(sql => recountWaiting(sql, instanceId))
  }
}
