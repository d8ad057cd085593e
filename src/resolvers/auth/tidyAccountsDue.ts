import type { App } from '../../context.ts'
import { deleteExpired, type Expiring } from '../../db/queries/expired.ts'
import { mailWindowStart } from './mail-limit.ts'

const BATCH_MAX = 1000
/** For the operator's questions after a revocation; the audit log knows for longer. */
const REVOKED_KEYS_KEEP_MS = 30 * 24 * 3600 * 1000

/** The clock's call: deletes what has expired, in batches. */
export async function tidyAccountsDue(app: App): Promise<void> {
  const now = app.clock.now()
  const ends: [Expiring, Date][] = [
    ['session', now],
    ['sign_in_link', now],
    ['mail', now],
    ['mail_request', mailWindowStart(now)],
    ['api_key', new Date(now.getTime() - REVOKED_KEYS_KEEP_MS)],
  ]
  for (const [table, before] of ends) {
    while ((await deleteExpired(app.db.sql, table, { before, limit: BATCH_MAX })) === BATCH_MAX);
  }
}
