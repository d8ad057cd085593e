import type { App } from '../../context.ts'
import { queueMail } from '../../db/queries/mail.ts'
import type { Sql } from '../../db/sql.ts'
import { newId } from '../../ids.ts'
import type { WebhookLetter } from '../../mail/mail.ts'

/** What waits in the queue, sealed. */
export type QueuedLetter = QueuedLink | WebhookLetter

export interface QueuedLink {
  to: string
  token: string
  /** Whether the link may make an account. */
  signUp: boolean
}

export const letterPlace = (mailId: string): string => `mail|${mailId}|letter`

/** In the transaction of what it tells of; from `expiresAt` on it is of no use. */
export async function queueLetter(
  sql: Sql,
  app: Pick<App, 'clock' | 'secrets'>,
  { letter, expiresAt }: { letter: QueuedLetter; expiresAt: Date },
): Promise<void> {
  const id = newId('mail')
  const sealed = app.secrets.seal(Buffer.from(JSON.stringify(letter)), letterPlace(id))
  await queueMail(sql, { id, letter: sealed, now: app.clock.now(), expiresAt })
}
