import type { App, Caller } from '../../context.ts'
import { findApiKey } from '../../db/queries/api-keys.ts'
import { accountInactive, unauthorized } from '../../errors.ts'
import { sha256 } from '../../secrets.ts'
import { wellFormed } from './api-key.ts'

/** Credentials → who calls. Null without credentials; 401 for a key that is unknown or revoked. */
export async function identify(app: App, apiKey: string | null): Promise<Caller | null> {
  if (apiKey === null) return null
  if (!wellFormed(apiKey)) throw unauthorized()
  const key = await findApiKey(app.db.sql, sha256(apiKey))
  if (!key) throw unauthorized()
  if (key.tenantStatus !== 'active') throw accountInactive()
  return { tenantId: key.tenantId, via: { kind: 'key', apiKeyId: key.id } }
}
