import type { App } from '../../context.ts'
import { tidyEvents } from '../../db/queries/events.ts'

/** How long a caller may take to catch up. */
const KEEP_MS = 7 * 24 * 3600 * 1000
const BATCH_MAX = 1000

export async function tidyEventsDue(app: App): Promise<void> {
  const before = new Date(app.clock.nowMs() - KEEP_MS)
  while ((await tidyEvents(app.db.sql, before, BATCH_MAX)) === BATCH_MAX);
}
