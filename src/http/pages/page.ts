import { createHash } from 'node:crypto'
import { methodNotAllowed } from '../../errors.ts'
import { answer, answerError, type Exchange } from '../../rest/answer.ts'
import { STYLE } from './style.ts'

/** Pages of our own: one file each, with nothing from elsewhere, and a policy that lets only their own parts run. */

export interface Page {
  title: string
  body: string
  /** What the page runs; named to the browser by its hash. */
  script?: string
  /** Like a form: narrow, in the middle. */
  small?: boolean
}

/** `dashboard/public/favicon.svg`, within the page: nothing is fetched. */
const MARK = `<svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" fill="#0b6b50"/><path d="M7 10.5l4.2 11.2L16 12l4.8 9.7L25 10.5" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>`

const sourceOf = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

const POLICY = ["default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"]

export function servePage(exchange: Exchange, { title, body, script, small = false }: Page): void {
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
<meta name="robots" content="noindex"><meta name="color-scheme" content="light dark"><title>${title}</title><style>${STYLE}</style></head>
<body><header>${MARK}Wataki</header><main${small ? ' class="small"' : ''}>${body}</main>${script === undefined ? '' : `<script>${script}</script>`}</body></html>
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
