import { createHash } from 'node:crypto'
import { methodNotAllowed } from '../../errors.ts'
import { answer, answerError, type Exchange } from '../../rest/answer.ts'

/** Pages of our own: one file each, with nothing from elsewhere, and a policy that lets only their own parts run. */

export interface Page {
  title: string
  body: string
  /** What the page runs; named to the browser by its hash. */
  script?: string
}

const STYLE = `:root{color-scheme:light dark}
body{margin:0;font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;min-height:100vh}
main{max-width:40rem;padding:2rem}
button{font:inherit;padding:.75rem 1.25rem;border:0;border-radius:.4rem;background:#0b6b50;color:#fff;cursor:pointer}
button[disabled]{opacity:.6;cursor:default}
button:focus-visible,a:focus-visible{outline:3px solid #7cc4ae;outline-offset:2px}
li{margin-bottom:1rem;overflow-wrap:anywhere}
.quiet{opacity:.75;font-size:.9rem}`

const sourceOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const POLICY = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]

export function servePage(exchange: Exchange, { title, body, script }: Page): void {
  const { method } = exchange.req
  if (method !== 'GET' && method !== 'HEAD') {
    answerError(exchange, methodNotAllowed(), { headers: { Allow: 'GET, HEAD' } })
    return
  }
  const running = script === undefined ? [] : [`script-src ${sourceOf(script)}`, "connect-src 'self'"]
  answer(
    exchange,
    200,
    `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><title>${title}</title><style>${STYLE}</style></head>
<body><main>${body}</main>${script === undefined ? '' : `<script>${script}</script>`}</body></html>
`,
    {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': [...POLICY, `style-src ${sourceOf(STYLE)}`, ...running].join('; '),
      'Referrer-Policy': 'no-referrer',
      'X-Frame-Options': 'DENY',
    },
  )
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, character => ENTITIES[character]!)
