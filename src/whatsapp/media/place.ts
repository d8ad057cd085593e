/**
 * Where a message says its media is, is a stranger's word: it may name only WhatsApp's own hosts, or with a media
 * host of ours that very origin.
 */
export function mediaUrl(
  reference: { directPath: string | null; url: string | null },
  ownHost: string | null,
): URL | null {
  const path = reference.directPath
  const base = ownHost ?? 'https://mmg.whatsapp.net'
  const candidates = [isPath(path) ? parsed(`${new URL(base).origin}${path}`) : null, parsed(reference.url)]
  return candidates.find(url => url !== null && isMediaHost(url, ownHost)) ?? null
}

export function isMediaHost(url: URL, ownHost: string | null): boolean {
  if (url.username !== '' || url.password !== '') return false
  if (ownHost) return url.origin === new URL(ownHost).origin
  return url.protocol === 'https:' && url.port === '' && url.hostname.endsWith('.whatsapp.net')
}

/** Behind a host it stays a path: it cannot add to the name before it, and no parser takes it for a host of its own. */
const isPath = (path: string | null): path is string => path !== null && /^\/(?![/\\])[^\s\\]*$/.test(path)

function parsed(text: string | null): URL | null {
  return text !== null && URL.canParse(text) ? new URL(text) : null
}
