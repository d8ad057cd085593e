import type { App, Caller } from '../../context.ts'
import { findApiKey } from '../../db/queries/api-keys.ts'
import { findSession, stillGoodIds } from '../../db/queries/sessions.ts'
import { accountInactive, unauthorized } from '../../errors.ts'
import { sha256 } from '../../secrets.ts'
import { wellFormed } from './api-key.ts'
import { isToken } from './token.ts'

/** Credentials → who calls. Null without credentials; 401 for a key that is unknown or revoked. */
export async function identify(app: App, apiKey: string | null): Promise<Caller | null> {
  if (apiKey === null) return null
  if (!wellFormed(apiKey)) throw unauthorized()
  const key = await findApiKey(app.db.sql, sha256(apiKey))
  if (!key) throw unauthorized()
  if (key.tenantStatus !== 'active') throw accountInactive()
  app.lastUse.noteKey(key.id, app.clock.now())
  return { tenantId: key.tenantId, via: { kind: 'key', apiKeyId: key.id } }
}

/** The same for what the session cookie holds. 401 when it is unknown, ended or expired. */
export async function identifySession(app: App, token: string | null): Promise<Caller | null> {
  if (token === null) return null
  if (!isToken(token)) throw unauthorized()
  const now = app.clock.now()
  const session = await findSession(app.db.sql, sha256(token), now)
  if (!session) throw unauthorized()
  if (session.tenantStatus !== 'active') throw accountInactive()
  app.lastUse.noteSession(session.id, now)
  return { tenantId: session.tenantId, via: { kind: 'session', sessionId: session.id } }
}

/** Of callers whose streams are open, those whose credentials are good to this moment: one query for all of them. */
export async function stillGood<Each extends Caller>(app: App, callers: readonly Each[]): Promise<Each[]> {
  if (callers.length === 0) return []
  const sessionIds = callers.flatMap(({ via }) => (via.kind === 'session' ? [via.sessionId] : []))
  const apiKeyIds = callers.flatMap(({ via }) => (via.kind === 'key' ? [via.apiKeyId] : []))
  const good = new Set(await stillGoodIds(app.db.sql, { sessionIds, apiKeyIds }, app.clock.now()))
  return callers.filter(({ via }) => good.has(via.kind === 'key' ? via.apiKeyId : via.sessionId))
}
