import type { App, Caller } from '../../context.ts'
import { stillGoodIds } from '../../db/queries/sessions.ts'

/** Of callers whose streams are open, those whose credentials are good to this moment: one query for all of them. */
export async function stillGood<Each extends Caller>(app: App, callers: readonly Each[]): Promise<Each[]> {
  if (callers.length === 0) return []
  const sessionIds = callers.flatMap(({ via }) => (via.kind === 'session' ? [via.sessionId] : []))
  const apiKeyIds = callers.flatMap(({ via }) => (via.kind === 'key' ? [via.apiKeyId] : []))
  const good = new Set(await stillGoodIds(app.db.sql, { sessionIds, apiKeyIds }))
  return callers.filter(({ via }) => good.has(via.kind === 'key' ? via.apiKeyId : via.sessionId))
}
