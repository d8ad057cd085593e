import type { App } from '../../context.ts'
import { condemnGarbage, dropGarbage } from '../../db/queries/media.ts'

/** Nobody takes that long between a key and its row: a put ends well before. */
const GRACE_MS = 8 * 60_000
const BATCH_MAX = 100

/** What became garbage before this moment is swept. */
export const sweptBefore = (app: App): Date => new Date(app.clock.nowMs() - GRACE_MS)

/** The clock's call: deletes files that no row owns. The key goes last, so that what fails is tried again. */
export async function tidyMediaDue(app: App): Promise<void> {
  const before = sweptBefore(app)
  for (;;) {
    const keys = await condemnGarbage(app.db.sql, { before, limit: BATCH_MAX })
    const gone: string[] = []
    try {
      for (const key of keys) {
        await app.storage.delete(key)
        gone.push(key)
      }
    } finally {
      if (gone.length > 0) await dropGarbage(app.db.sql, gone)
    }
    if (keys.length < BATCH_MAX) return
  }
}
