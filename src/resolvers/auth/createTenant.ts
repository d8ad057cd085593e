import { UniqueConstraintViolationException } from '@mikro-orm/core'
import type { App } from '../../context.ts'
import { ApiKey } from '../../db/entities/api-key.ts'
import { Tenant } from '../../db/entities/tenant.ts'
import { sqlOf } from '../../db/sql.ts'
import { duplicate, invalid } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { sha256 } from '../../secrets.ts'
import { newApiKey, prefixOf } from './api-key.ts'
import { recordAudit } from './audit.ts'
import { emailOf } from './email.ts'

/** The operator's way in: an active tenant with a key, no mail needed. The key is shown only here. */
export async function createTenant(
  app: Pick<App, 'db' | 'clock'>,
  input: { name: string; email: string },
): Promise<{ tenantId: string; apiKey: string }> {
  const name = input.name.trim()
  const email = emailOf(input.email)
  const problems: Record<string, string> = {}
  if (name === '' || name.length > 100) problems.name = 'must have 1 to 100 characters'
  if (!email) problems.email = 'must be an e-mail address'
  if (!email || problems.name) throw invalid(problems)

  const tenantId = newId('ten')
  const apiKey = newApiKey()
  const createdAt = app.clock.now()
  try {
    await app.db.orm.em.fork().transactional(async em => {
      await em.insert(Tenant, { id: tenantId, name, email, plan: 'free', status: 'active', createdAt })
      await em.insert(ApiKey, {
        id: newId('key'),
        tenantId,
        name: 'default',
        prefix: prefixOf(apiKey),
        hash: sha256(apiKey),
        createdAt,
      })
      await recordAudit(sqlOf(em), app, { action: 'tenant.created', tenantId, target: tenantId })
    })
  } catch (error) {
    if (error instanceof UniqueConstraintViolationException) throw duplicate('an account with this e-mail address')
    throw error
  }
  return { tenantId, apiKey }
}
