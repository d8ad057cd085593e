import type { Context } from '../../context.ts'
import { queueMail } from '../../db/queries/mail.ts'
import { replaceLink } from '../../db/queries/sign-in-links.ts'
import { newId } from '../../ids.ts'
import { sha256 } from '../../secrets.ts'
import { emailOf } from './email.ts'
import { mayMail } from './mail-limit.ts'
import { linkEnd, newToken } from './token.ts'

export const CHECK_YOUR_EMAIL = { message: 'Check your email for a sign-in link.' }

/** What waits in the queue, sealed. */
export interface QueuedLetter {
  to: string
  token: string
  /** Whether the link may make an account. */
  signUp: boolean
}

export const letterPlace = (mailId: string): string => `mail|${mailId}|letter`

/**
 * Makes a link and queues its letter. Nothing here asks whether the address has an account: neither answer nor time can
 * tell. Who sends the letter asks (`sendMailDue`).
 */
export async function requestLink(ctx: Context, request: { email: string; name: string | null }): Promise<void> {
  const email = emailOf(request.email)!
  const token = newToken()
  const now = ctx.clock.now()
  const expiresAt = linkEnd(now)
  const id = newId('mail')
  const queued: QueuedLetter = { to: email, token, signUp: request.name !== null }
  const letter = ctx.secrets.seal(Buffer.from(JSON.stringify(queued)), letterPlace(id))
  const work = ctx.db.transaction(async sql => {
    if (!(await mayMail(sql, { email, ip: ctx.ip, now }))) throw new BeyondLimit()
    await replaceLink(sql, { hash: sha256(token), email, name: request.name, now, expiresAt })
    await queueMail(sql, { id, letter, now, expiresAt })
  })
  await work.catch((error: unknown) => {
    if (!(error instanceof BeyondLimit)) throw error
  })
}

/** Takes back what was counted. The answer is the same. */
class BeyondLimit extends Error {}
