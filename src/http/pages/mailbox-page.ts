import type { Config } from '../../config.ts'
import { notFound } from '../../errors.ts'
import type { KeptLetter } from '../../mail/mail.ts'
import { answerError, type Exchange } from '../../rest/answer.ts'
import { escapeHtml, servePage } from './page.ts'

/** The letters that nobody mailed, for who develops: nowhere but outside production. */
export function mailboxPage(exchange: Exchange): void {
  const { config, mail } = exchange.ctx
  if (config.production || !isOurName(exchange.req.headers.host, config)) {
    answerError(exchange, notFound('page'))
    return
  }
  const letters = mail.kept().map(
    letter =>
      `<li><strong>${escapeHtml(letter.to)}</strong>
<span class="quiet">${letter.at.toISOString()}</span><br>${shown(letter)}</li>`,
  )
  const none = config.smtp ? 'Letters go out by SMTP_URL.' : 'No letters yet.'
  const list = letters.length > 0 ? `<ul>${letters.join('\n')}</ul>` : `<p>${none}</p>`
  servePage(exchange, { title: 'Mailbox', body: `<h1>Mailbox</h1>${list}` })
}

function shown(letter: KeptLetter): string {
  if (letter.kind === 'webhook_disabled') return `a webhook was deactivated: ${escapeHtml(letter.url)}`
  const about = letter.kind === 'sign_up' ? 'sign-up' : 'sign-in'
  return `${about} <a href="${escapeHtml(letter.link)}">${escapeHtml(letter.link)}</a>`
}

/** Another name that leads here is a stranger's page in the developer's browser (DNS rebinding). */
function isOurName(host: string | undefined, { publicUrl }: Config): boolean {
  const name = URL.parse(`http://${host ?? ''}`)?.hostname ?? ''
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(name) || name === new URL(publicUrl).hostname
}
