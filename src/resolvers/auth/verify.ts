import type { Context } from '../../context.ts'
import { endSessionOf } from '../../db/queries/sessions.ts'
import { takeLink } from '../../db/queries/sign-in-links.ts'
import { type Account, findAccount, insertAccount } from '../../db/queries/tenants.ts'
import type { Sql } from '../../db/sql.ts'
import { accountInactive, invalidLink } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { sha256 } from '../../secrets.ts'
import { recordAudit } from './audit.ts'
import { SESSION_SECONDS, startSession } from './session.ts'

/** Uses the link up and starts a session; makes the account first, when the link was mailed for a sign-up. */
export async function verify(ctx: Context, input: { token: string }): Promise<{ tenant: Account }> {
  const now = ctx.clock.now()
  const result = await ctx.db.transaction(async sql => {
    const link = await takeLink(sql, sha256(input.token), now)
    if (!link) return null
    const account = await accountFor(sql, ctx, link)
    // A link is used up by a suspended account too: refused only after the commit.
    if (account?.status !== 'active') return account && { account }
    const replaced = ctx.sessionToken ? await endSessionOf(sql, sha256(ctx.sessionToken)) : null
    const session = await startSession(sql, { tenantId: account.id, now })
    const actor = { kind: 'session', id: session.id } as const
    await recordAudit(sql, ctx, { action: 'login', tenantId: account.id, target: session.id, actor })
    return { account, replaced, session }
  })
  if (!result) throw invalidLink()
  if (!result.session) throw accountInactive()
  const { account, replaced, session } = result
  if (replaced) ctx.revocations.publish({ tenantId: replaced.tenantId, sessionId: replaced.id })
  ctx.facts.session = { token: session.token, maxAgeSeconds: SESSION_SECONDS }
  return { tenant: account }
}

async function accountFor(
  sql: Sql,
  ctx: Context,
  { email, name }: { email: string; name: string | null },
): Promise<Account | null> {
  const known = await findAccount(sql, { email })
  if (known || name === null) return known
  const made = await insertAccount(sql, { id: newId('ten'), name, email, now: ctx.clock.now() })
  // Somebody, the operator perhaps, was faster.
  if (!made) return findAccount(sql, { email })
  await recordAudit(sql, ctx, {
    action: 'signup',
    tenantId: made.id,
    target: made.id,
    actor: { kind: 'session', id: null },
  })
  return made
}
