import { type Context, tenantOf } from '../../context.ts'
import { countApiKeysLocked, insertApiKey } from '../../db/queries/api-keys.ts'
import { limitExceeded } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { sha256 } from '../../secrets.ts'
import { newApiKey, prefixOf } from './api-key.ts'
import { recordAudit } from './audit.ts'

/** The list of them has no pages. */
export const API_KEYS_MAX = 500

export interface CreatedApiKey {
  id: string
  /** The key itself: only its hash is kept. */
  apiKey: string
  keyPrefix: string
  name: string
  createdAt: Date
}

export async function createApiKey(ctx: Context, input: { name: string }): Promise<CreatedApiKey> {
  const tenantId = tenantOf(ctx)
  const id = newId('key')
  const apiKey = newApiKey()
  const keyPrefix = prefixOf(apiKey)
  const name = input.name.trim()
  const now = ctx.clock.now()
  const created: CreatedApiKey = { id, apiKey, keyPrefix, name, createdAt: now }
  await ctx.db.transaction(async sql => {
    const count = await countApiKeysLocked(sql, tenantId)
    if (count >= API_KEYS_MAX) throw limitExceeded(`${API_KEYS_MAX} API keys are in use: revoke one first`)
    await insertApiKey(sql, { id, tenantId, name, prefix: keyPrefix, hash: sha256(apiKey), now })
    await recordAudit(sql, ctx, { action: 'api_key.created', tenantId, target: id })
    await ctx.once?.keep(sql, created)
  })
  return created
}
