import type { App } from '../../context.ts'
import { writeApiKeyUses } from '../../db/queries/api-keys.ts'
import { writeSessionUses } from '../../db/queries/sessions.ts'

/** The clock's call: writes down which credentials were used since the last one, in one statement for each kind. */
export async function writeLastUseDue(app: App): Promise<void> {
  const { keys, sessions } = app.lastUse.take()
  if (keys.ids.length > 0) await writeApiKeyUses(app.db.sql, keys.ids, keys.times)
  if (sessions.ids.length > 0) await writeSessionUses(app.db.sql, sessions.ids, sessions.times)
}
