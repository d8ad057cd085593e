import type { App } from '../../context.ts'
import { addCalls } from '../../db/queries/api-rollups.ts'

/**
 * The clock's call: writes down which calls were made since the last one. What a crash leaves unwritten is lost; what was
 * written is counted once, however often it is tried.
 */
export async function writeCallsDue(app: Pick<App, 'calls' | 'db'>): Promise<void> {
  // The one that could not be written before, and what has come since.
  for (let batches = 0; batches < 2; batches++) {
    const batch = app.calls.take()
    if (!batch) return
    await addCalls(app.db.sql, batch)
    app.calls.written(batch)
  }
}
