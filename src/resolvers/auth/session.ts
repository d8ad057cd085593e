import { insertSession } from '../../db/queries/sessions.ts'
import type { Sql } from '../../db/sql.ts'
import { newId } from '../../ids.ts'
import { sha256 } from '../../secrets.ts'
import { newToken } from './token.ts'

export const SESSION_SECONDS = 30 * 24 * 3600

/** Always a new token: what a cookie held before is never adopted. */
export async function startSession(
  sql: Sql,
  session: { tenantId: string; now: Date },
): Promise<{ id: string; token: string }> {
  const id = newId('ses')
  const token = newToken()
  const expiresAt = new Date(session.now.getTime() + SESSION_SECONDS * 1000)
  await insertSession(sql, { id, tokenHash: sha256(token), expiresAt, ...session })
  return { id, token }
}
