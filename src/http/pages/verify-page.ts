import type { Exchange } from '../../rest/answer.ts'
import { servePage } from './page.ts'

const BODY = `<h1>Sign in to Wataki</h1>
<p class="quiet">No password: the link is your key. It works once.</p>
<div class="card">
<p id="say" role="status">One click, and you are in.</p>
<button id="go" class="button" type="button">Sign in</button>
<p id="again" hidden><a href="/login">Ask for a new link</a></p>
<noscript><p>This page needs JavaScript: the link must not be used up by a program that only looks at it.</p></noscript>
</div>`

// `fetch` in its default mode: in the mode `same-origin` a page without referrers would send `Origin: null`.
const SCRIPT = `(() => {
  const say = document.getElementById('say')
  const go = document.getElementById('go')
  const token = new URLSearchParams(location.hash.slice(1)).get('token')
  const again = document.getElementById('again')
  const stop = text => { say.textContent = text; go.hidden = true; again.hidden = false }
  if (!token) return stop('This address is not complete. Open the link from your e-mail again.')
  go.addEventListener('click', async () => {
    go.disabled = true
    say.textContent = 'Signing in…'
    try {
      const answer = await fetch('/v1/auth/verify', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ token }),
      })
      if (answer.ok) return location.replace('/')
      const body = await answer.json().catch(() => null)
      const text = body && body.error && body.error.message
      if (answer.status < 429) return stop(text || 'That did not work.')
      say.textContent = text || 'That did not work. Try again in a moment.'
    } catch {
      say.textContent = 'The server cannot be reached. Try again in a moment.'
    }
    go.disabled = false
  })
})()`

/** What the mailed link opens. It is used up by the button alone: whoever only fetches it changes nothing. */
export function verifyPage(exchange: Exchange): void {
  servePage(exchange, { title: 'Sign in to Wataki', small: true, body: BODY, script: SCRIPT })
}
