import type { App } from '../../context.ts'
import { tidyEvents } from '../../db/queries/events.ts'

const BATCH_MAX = 1000

export async function tidyEventsDue(app: App): Promise<void> {
  while ((await tidyEvents(app.db.sql, app.clock.now(), BATCH_MAX)) === BATCH_MAX);
}
