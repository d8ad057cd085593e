import type { App } from '../../context.ts'
import { releaseWebhooks } from '../../db/queries/webhook-outbox.ts'

/** How long receivers may still answer. What is cut then will be tried again, with the same id. */
const GRACE_MS = 2000

/** Before the process ends: what receivers have taken is written down, and the webhooks are left to others. */
export async function endDeliveries(app: App): Promise<void> {
  await app.deliveries.end(GRACE_MS)
  await releaseWebhooks(app.db.sql, app.node.id)
}
