import type { App } from '../../context.ts'
import { tidyCallBatches } from '../../db/queries/api-rollups.ts'
import { type Rollup, tidyRecentErrors, tidyRollup } from '../../db/queries/rollups.ts'
import { BUCKETS_MAX } from './window.ts'

const DAY_MS = 24 * 3_600_000
/** As far back as an answer reaches from today. */
const KEPT_MS = (BUCKETS_MAX + 1) * DAY_MS
/** A batch of calls is asked for again within seconds. */
const BATCH_KEPT_MS = DAY_MS
const ERRORS_KEPT = 200
const PIECE = 1_000
const ROLLUPS: Rollup[] = ['message_rollup', 'webhook_rollup', 'connection_rollup', 'api_rollup']

/** The clock's call. */
export async function tidyRollupsDue(app: Pick<App, 'db' | 'clock'>): Promise<void> {
  const { sql } = app.db
  const before = new Date(app.clock.nowMs() - KEPT_MS)
  for (const table of ROLLUPS) while ((await tidyRollup(sql, table, { before, limit: PIECE })) === PIECE);
  while ((await tidyRecentErrors(sql, { keep: ERRORS_KEPT, limit: PIECE })) === PIECE);
  await tidyCallBatches(sql, new Date(app.clock.nowMs() - BATCH_KEPT_MS))
}
