import type { Context } from '../../context.ts'
import { replaceLink } from '../../db/queries/sign-in-links.ts'
import { sha256 } from '../../secrets.ts'
import { emailOf } from './email.ts'
import { queueLetter } from './letters.ts'
import { mayMail } from './mail-limit.ts'
import { linkEnd, newToken } from './token.ts'

export const CHECK_YOUR_EMAIL = { message: 'Check your email for a sign-in link.' }

/**
 * Makes a link and queues its letter. Nothing here asks whether the address has an account: neither answer nor time can
 * tell. Who sends the letter asks (`sendMailDue`).
 */
export async function requestLink(ctx: Context, request: { email: string; name: string | null }): Promise<void> {
  const email = emailOf(request.email)!
  const token = newToken()
  const now = ctx.clock.now()
  const expiresAt = linkEnd(now)
  const letter = { to: email, token, signUp: request.name !== null }
  const work = ctx.db.transaction(async sql => {
    if (!(await mayMail(sql, { email, ip: ctx.ip, now }))) throw new BeyondLimit()
    await replaceLink(sql, { hash: sha256(token), email, name: request.name, now, expiresAt })
    await queueLetter(sql, ctx, { letter, expiresAt })
  })
  await work.catch((error: unknown) => {
    if (!(error instanceof BeyondLimit)) throw error
  })
}

/** Takes back what was counted. The answer is the same. */
class BeyondLimit extends Error {}
