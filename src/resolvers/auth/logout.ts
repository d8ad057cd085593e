import type { Context } from '../../context.ts'
import { endSession } from '../../db/queries/sessions.ts'
import { recordAudit } from './audit.ts'

/** Ends the session that calls, and has its cookie cleared. A caller with an API key has no session to end. */
export async function logout(ctx: Context): Promise<{ message: string }> {
  const { tenantId, via } = ctx.caller!
  if (via.kind === 'session') {
    await ctx.db.transaction(async sql => {
      const ended = await endSession(sql, tenantId, via.sessionId)
      if (ended) await recordAudit(sql, ctx, { action: 'logout', tenantId, target: via.sessionId })
    })
    ctx.revocations.publish({ tenantId, sessionId: via.sessionId })
  }
  ctx.facts.session = { cleared: true }
  return { message: 'Logged out' }
}
