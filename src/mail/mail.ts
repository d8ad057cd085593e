/**
 * The room of SMTP: it owns the letters, their words and the way to a mail server, or to the log when there is none.
 * It refuses to know why a letter is sent, who has an account, and when to try again.
 */

/** Whom to write to and what about; the words are the room's own. */
export type Letter = LinkLetter | WebhookLetter

export interface LinkLetter {
  kind: 'sign_up' | 'sign_in'
  to: string
  /** To be opened by the reader; good for `validMinutes`. */
  link: string
  validMinutes: number
}

/** A webhook was deactivated: its receiver is gone, or has taken nothing for days. */
export interface WebhookLetter {
  kind: 'webhook_disabled'
  to: string
  url: string
  reason: 'gone' | 'failing'
}

/** `refused`: this letter will never be taken, so that another try is of no use. */
export type Outcome = { kind: 'sent' } | { kind: 'failed'; reason: string } | { kind: 'refused'; reason: string }

export type KeptLetter = Letter & { at: Date }

export interface Mailer {
  /** Bounded in time, and never throws. */
  send(letter: Letter): Promise<Outcome>
  /** Outside production and without a mail server: the newest letters, newest first. */
  kept(): readonly KeptLetter[]
  /** Takes no more, and gives what is on its way a few seconds. */
  close(): Promise<void>
}
