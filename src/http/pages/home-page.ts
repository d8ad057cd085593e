import type { Exchange } from '../../rest/answer.ts'
import { servePage } from './page.ts'

/** What a browser finds at the address that the server prints. */
export function homePage(exchange: Exchange): void {
  const { production } = exchange.ctx.config
  const mailbox = production ? '' : '<li><a href="/dev/mailbox">Mailbox</a>: sign-in links that nobody mailed</li>'
  servePage(exchange, {
    title: 'Wataki',
    small: true,
    body: `<h1>Wataki is running</h1>
<p class="quiet">Its dashboard is not built: npm start builds it.</p>
<div class="card"><ul><li><a href="/graphql">GraphiQL</a>: queries, mutations and subscriptions</li>
<li><a href="/v1/openapi.json">OpenAPI</a>: what <code>/v1</code> does</li>${mailbox}</ul>
<p class="quiet">Programs send an API key in the header X-API-Key. Who is signed in makes one with the mutation
<code>createApiKey</code> in GraphiQL.</p></div>`,
  })
}
