import type { Config } from '../../config.ts'
import { notFound } from '../../errors.ts'
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
    ({ to, kind, link, at }) =>
      `<li><strong>${escapeHtml(to)}</strong>, ${kind === 'sign_up' ? 'sign-up' : 'sign-in'}
<span class="quiet">${at.toISOString()}</span><br><a href="${escapeHtml(link)}">${escapeHtml(link)}</a></li>`,
  )
  const none = config.smtp ? 'Letters go out by SMTP_URL.' : 'No letters yet.'
  const list = letters.length > 0 ? `<ul>${letters.join('\n')}</ul>` : `<p>${none}</p>`
  servePage(exchange, { title: 'Mailbox', body: `<h1>Mailbox</h1>${list}` })
}

/** Another name that leads here is a stranger's page in the developer's browser (DNS rebinding). */
function isOurName(host: string | undefined, { publicUrl }: Config): boolean {
  const name = URL.parse(`http://${host ?? ''}`)?.hostname ?? ''
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(name) || name === new URL(publicUrl).hostname
}
