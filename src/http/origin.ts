import type { IncomingMessage } from 'node:http'

/** Whose page sent a request. Browsers say so themselves, and no page can make them say otherwise. */

/** `unknown`: neither `Origin` nor `Sec-Fetch-Site`, as programs send. */
export type Sender = 'own' | 'foreign' | 'unknown'

/** Own are the origin of `PUBLIC_URL` and the one that the request's `Host` names. */
export function sendersFor(publicUrl: string): (req: IncomingMessage) => Sender {
  const own = new URL(publicUrl).origin
  const isHttps = own.startsWith('https:')
  return ({ headers }) => {
    const { origin } = headers
    const site = headers['sec-fetch-site']
    if (site === 'cross-site') return 'foreign'
    // No header is ambiguous: `null` is the origin of sandboxed frames, of files and of redirects between sites.
    if (origin !== undefined) return origin === own || isHost(origin, headers.host, isHttps) ? 'own' : 'foreign'
    if (site === undefined) return 'unknown'
    // `none`: somebody typed the address.
    return site === 'same-origin' || site === 'none' ? 'own' : 'foreign'
  }
}

/** A proxy in front may have taken the TLS off: only where the public side is known to be https does http not count. */
function isHost(origin: string, host: string | undefined, isHttps: boolean): boolean {
  const from = URL.parse(origin)
  if (!from || from.origin !== origin || !host) return false
  if (from.protocol !== 'https:' && (isHttps || from.protocol !== 'http:')) return false
  return URL.parse(`${from.protocol}//${host}`)?.origin === origin
}
