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
  const letters = mail.kept()
  const newest = `${letters.length} ${letters[0]?.at.toISOString()}`
  const list =
    letters.length > 0 ? `<ul>${letters.map(shown).join('\n')}</ul>` : `<div class="card">${none(config)}</div>`
  servePage(exchange, {
    title: 'Mailbox',
    body: `<h1>Mailbox</h1>
<p class="quiet" id="about" data-newest="${newest}">Letters that this server would have mailed. New ones appear here by themselves.</p>
${list}`,
    script: SCRIPT,
  })
}

// A letter is written a second or two after it was asked for, and its reader is faster. Each look is a line in the log, so
// that it ends after a minute, until somebody comes back to the page.
const SCRIPT = `(() => {
  const { newest } = document.getElementById('about').dataset
  let left = 0
  let timer
  const look = async () => {
    const page = await fetch(location.pathname).then(answer => answer.ok ? answer.text() : '', () => '')
    if (page && !page.includes('data-newest="' + newest + '"')) return location.reload()
    if (--left > 0) timer = setTimeout(look, 2000)
  }
  const begin = () => {
    clearTimeout(timer)
    left = 30
    look()
  }
  addEventListener('focus', begin)
  begin()
})()`

const none = ({ smtp }: Config): string =>
  smtp
    ? '<p>Letters go out by SMTP_URL: none is kept here.</p>'
    : `<p>No letters yet.</p>
<p class="quiet">Create an account or sign in with any address, and the link is here a moment later.</p>
<a class="button" href="/login">Sign in or create an account</a>`

function shown(letter: KeptLetter): string {
  const at = letter.at.toISOString()
  const time = `<time class="quiet" datetime="${at}">${at.slice(0, 19).replace('T', ' ')} UTC</time>`
  return `<li class="card"><div class="row"><h2>${escapeHtml(letter.to)}</h2>${time}</div>${said(letter)}</li>`
}

function said(letter: KeptLetter): string {
  if (letter.kind === 'webhook_disabled') {
    return `<p>A webhook was deactivated:</p><code class="box">${escapeHtml(letter.url)}</code>`
  }
  const [about, button] =
    letter.kind === 'sign_up' ? ['A link to a new account', 'Create the account'] : ['A link to sign in', 'Sign in']
  const link = escapeHtml(letter.link)
  return `<p>${about}: it works once, for ${letter.validMinutes} minutes.</p>
<a class="button" href="${link}">${button}</a><code class="box">${link}</code>`
}

/** Another name that leads here is a stranger's page in the developer's browser (DNS rebinding). */
function isOurName(host: string | undefined, { publicUrl }: Config): boolean {
  const name = URL.parse(`http://${host ?? ''}`)?.hostname ?? ''
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(name) || name === new URL(publicUrl).hostname
}
