import type { Clock } from '../clock.ts'
import type { Log } from '../telemetry/log.ts'
import type { KeptLetter, Mailer } from './mail.ts'

const KEPT_MAX = 50

/** Without a mail server: one line in the log for each letter, and outside production the newest are kept for reading. */
export function createLogMailer({ log, clock, keep }: { log: Log; clock: Clock; keep: boolean }): Mailer {
  const kept: KeptLetter[] = []
  return {
    async send(letter) {
      // In the text and not in a field: it is there to be copied, and fields may be cut or masked.
      log.info(`No SMTP_URL is set. The link that ${letter.to} would get by mail: ${letter.link}`)
      if (keep) {
        kept.unshift({ ...letter, at: clock.now() })
        kept.length = Math.min(kept.length, KEPT_MAX)
      }
      return { kind: 'sent' }
    },
    kept: () => kept,
    async close() {},
  }
}
