import type { App } from '../../context.ts'
import { replaceLink } from '../../db/queries/sign-in-links.ts'
import { findAccount } from '../../db/queries/tenants.ts'
import { accountInactive, invalid, notFound } from '../../errors.ts'
import { sha256 } from '../../secrets.ts'
import { recordAudit } from './audit.ts'
import { emailOf } from './email.ts'
import { linkEnd, linkOf, newToken } from './token.ts'

/** The operator's way in without mail: a link like the mailed one, which puts an end to that. */
export async function createSignInLink(
  app: Pick<App, 'db' | 'clock'> & { config: { publicUrl: string } },
  input: { email: string },
): Promise<string> {
  const email = emailOf(input.email)
  if (!email) throw invalid({ email: 'must be an e-mail address' })
  const token = newToken()
  const now = app.clock.now()
  await app.db.transaction(async sql => {
    const account = await findAccount(sql, { email })
    if (!account) throw notFound('tenant')
    if (account.status !== 'active') throw accountInactive()
    await replaceLink(sql, { hash: sha256(token), email, name: null, now, expiresAt: linkEnd(now) })
    await recordAudit(sql, app, { action: 'sign_in_link.created', tenantId: account.id, target: account.id })
  })
  return linkOf(app.config.publicUrl, token)
}
