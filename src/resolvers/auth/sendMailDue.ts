import type { App } from '../../context.ts'
import { claimMail, type DueMail, deleteMail, postponeMail } from '../../db/queries/mail.ts'
import { findAccount } from '../../db/queries/tenants.ts'
import type { Letter } from '../../mail/mail.ts'
import { letterPlace, type QueuedLetter } from './letters.ts'
import { LINK_VALID_MINUTES, linkOf } from './token.ts'

/** Longer than the mailer takes for one letter, whatever the server does. */
const LEASE_MS = 60_000
/** At once: what the mailer has connections for. */
const CLAIM_MAX = 4
const ROUNDS_MAX = 50
/** The waits between tries grow by this factor, until the letter is of no use any more. */
const RETRY_FIRST_MS = 5_000
const RETRY_FACTOR = 3

/** The clock's call: sends the letters that wait. */
export async function sendMailDue(app: App): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const now = app.clock.now()
    const leaseEnd = new Date(now.getTime() + LEASE_MS)
    const claimed = await claimMail(app.db.sql, { now, leaseEnd, limit: CLAIM_MAX })
    await Promise.all(
      claimed.map(mail =>
        sendLetter(app, mail).catch(cause => app.log.error({ err: cause, letterId: mail.id }, 'a letter was not sent')),
      ),
    )
    if (claimed.length < CLAIM_MAX) return
  }
}

async function sendLetter(app: App, mail: DueMail): Promise<void> {
  const { sql } = app.db
  const letter = await letterOf(app, mail)
  if (!letter) return deleteMail(sql, mail.id)
  const outcome = await app.mail.send(letter)
  app.metrics.work.letter(outcome.kind)
  if (outcome.kind === 'sent') return deleteMail(sql, mail.id)
  const { kind: code, reason } = outcome
  app.log.warn({ letterId: mail.id, attempt: mail.attempts, code, reason }, 'a letter was not sent')
  if (code === 'refused') return deleteMail(sql, mail.id)
  const waitMs = RETRY_FIRST_MS * RETRY_FACTOR ** (mail.attempts - 1)
  return postponeMail(sql, mail.id, new Date(app.clock.nowMs() + waitMs))
}

/** Null: nobody asked for an account, and a stranger gets no letter. */
async function letterOf(app: App, mail: DueMail): Promise<Letter | null> {
  const queued: QueuedLetter = JSON.parse(app.secrets.open(mail.letter, letterPlace(mail.id)).toString('utf8'))
  if (!('token' in queued)) return queued
  const { to, token, signUp } = queued
  const account = await findAccount(app.db.sql, { email: to })
  if (!account && !signUp) return null
  const kind = account ? 'sign_in' : 'sign_up'
  return { kind, to, link: linkOf(app.config.publicUrl, token), validMinutes: LINK_VALID_MINUTES }
}
