import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { extname, join, sep } from 'node:path'
import type { Exchange } from '../rest/answer.ts'

/** The built dashboard, from `dashboard/dist`: files by their names, compressed when they were built, and its one page. */

export interface Dashboard {
  /** Who answers; null: this is none of the dashboard's addresses. */
  at(req: IncomingMessage, path: string): ((exchange: Exchange) => Promise<void>) | null
}

const DIRECTORY = join(import.meta.dirname, '..', '..', 'dashboard', 'dist')

/** The first parts of the addresses that its router knows. */
const PLACES = new Set(['login', 'instances', 'i', 'events', 'usage', 'billing', 'settings', 'playground', 'docs'])

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
}

// Styles in the page are set by the libraries of its menus and of GraphiQL.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const PAGE_HEADERS = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'same-origin',
  'X-Frame-Options': 'DENY',
}

const ENCODINGS = [
  { name: 'br', extension: '.br' },
  { name: 'gzip', extension: '.gz' },
]

/** Null: it is not built. */
export function openDashboard(directory = DIRECTORY): Dashboard | null {
  if (!existsSync(join(directory, 'index.html'))) return null
  const files = new Set(
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).map(file => `/${file.split(sep).join('/')}`),
  )
  const etag = `"${createHash('sha256')
    .update(readFileSync(join(directory, 'index.html')))
    .digest('base64url')}"`

  async function serve({ req, res, ctx }: Exchange, file: string): Promise<void> {
    const isPage = file === '/index.html'
    const encoding = ENCODINGS.find(({ name, extension }) => files.has(file + extension) && accepts(req, name))
    const bytes = await readFile(join(directory, file + (encoding?.extension ?? '')))
    const isKnown = isPage && req.headers['if-none-match'] === etag
    if (res.destroyed) return
    res.writeHead(isKnown ? 304 : 200, {
      'X-Request-Id': ctx.requestId,
      'X-Content-Type-Options': 'nosniff',
      // The names of what is in `assets` change with what is in them.
      'Cache-Control': file.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache',
      Vary: 'Accept-Encoding',
      ...(isPage && { ...PAGE_HEADERS, ETag: etag }),
      ...(!isKnown && { 'Content-Type': TYPES[extname(file)], 'Content-Length': bytes.length }),
      ...(!isKnown && encoding && { 'Content-Encoding': encoding.name }),
    })
    res.end(isKnown || req.method === 'HEAD' ? undefined : bytes)
  }

  return {
    at(req, path) {
      if (req.method !== 'GET' && req.method !== 'HEAD') return null
      const isFile = files.has(path) && TYPES[extname(path)] !== undefined
      const file = isFile ? path : path === '/' || isPlace(req, path) ? '/index.html' : null
      return file === null ? null : exchange => serve(exchange, file)
    },
  }
}

const isPlace = (req: IncomingMessage, path: string): boolean =>
  PLACES.has(path.split('/')[1]!) && /\btext\/html\b/.test(req.headers.accept ?? '')

const accepts = (req: IncomingMessage, encoding: string): boolean =>
  String(req.headers['accept-encoding'] ?? '')
    .split(',')
    .some(each => new RegExp(`^\\s*${encoding}\\s*(;\\s*q=(?!0(\\.0*)?\\s*$)|$)`).test(each))
