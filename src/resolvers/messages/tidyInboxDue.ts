import type { App } from '../../context.ts'
import { tidyInbox } from '../../db/queries/inbox.ts'

/** WhatsApp redelivers for days: the plaintext of a ciphertext is kept that long. */
const KEEP_MS = 7 * 24 * 3600 * 1000
const BATCH_MAX = 1000

export async function tidyInboxDue(app: App): Promise<void> {
  const before = new Date(app.clock.nowMs() - KEEP_MS)
  while ((await tidyInbox(app.db.sql, before, BATCH_MAX)) === BATCH_MAX);
}
