import type { Clock } from '../clock.ts'
import type { Log } from '../telemetry/log.ts'
import type { KeptLetter, Mailer } from './mail.ts'

const KEPT_MAX = 50

/**
 * Without a mail server: one line in the log for each letter, and the newest are kept for reading. `production`: who
 * may read logs is not who may sign in, so the link stays out of them.
 */
export function createLogMailer({ log, clock, production }: { log: Log; clock: Clock; production: boolean }): Mailer {
  const kept: KeptLetter[] = []
  return {
    async send(letter) {
      if (letter.kind === 'webhook_disabled')
        log.warn('No SMTP_URL is set: that a webhook was deactivated was not mailed.')
      else if (production) {
        log.warn(
          'No SMTP_URL is set: a sign-in link was asked for and not sent. The command tenant sign-in-link makes one.',
        )
        // In the text and not in a field: it is there to be copied, and fields may be cut or masked.
      } else log.info(`No SMTP_URL is set. The link that ${letter.to} would get by mail: ${letter.link}`)
      if (production) return { kind: 'sent' }
      kept.unshift({ ...letter, at: clock.now() })
      kept.length = Math.min(kept.length, KEPT_MAX)
      return { kind: 'sent' }
    },
    kept: () => kept,
    async close() {},
  }
}
