import type { App } from '../../context.ts'
import { failInactive, tidyDeletedWebhooks, tidyDeliveries } from '../../db/queries/webhook-outbox.ts'
import { tidyRotatedSecrets } from '../../db/queries/webhooks.ts'

/** How long the log of deliveries goes back. */
const KEEP_MS = 30 * 24 * 3600 * 1000
const BATCH_MAX = 1000

/** The clock's call: ends what waits for webhooks that take nothing any more, and takes away what is deleted. */
export async function tidyWebhooksDue(app: App): Promise<void> {
  const { sql } = app.db
  while ((await failInactive(sql, { error: 'the webhook was deactivated', limit: BATCH_MAX })) === BATCH_MAX);
  while ((await tidyDeletedWebhooks(sql, BATCH_MAX)) > 0);
}

/** The clock's call: forgets old deliveries, and secrets that sign no more. */
export async function tidyDeliveriesDue(app: App): Promise<void> {
  const before = new Date(app.clock.nowMs() - KEEP_MS)
  while ((await tidyDeliveries(app.db.sql, before, BATCH_MAX)) === BATCH_MAX);
  await tidyRotatedSecrets(app.db.sql, app.clock.now())
}
