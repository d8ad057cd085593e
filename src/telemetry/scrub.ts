/** Words that may quote a caller or WhatsApp → the same without secrets and full phone numbers. Pure. */

const MAX_LENGTH = 500

const RULES: [RegExp, string][] = [
  // Keys, tokens, hashes: long runs of hex or base64 (ids of ours are shorter than 33).
  [/\bwhsec_[\w+/=-]+/g, '[secret]'],
  [/[A-Za-z0-9+/_=-]{33,}/g, '[secret]'],
  [/\b((?:api[_-]?key|token|secret|password|authorization|cookie)["']?\s*[=:]\s*)\S+/gi, '$1[secret]'],
  // user:password@ in the address of a server.
  [/(:\/\/[^/\s:@]*):[^/\s@]+@/g, '$1:[secret]@'],
  // Phone numbers, bare, in a jid or as people write them: the last two digits tell them apart enough.
  [/(?<![\w.])\+?\d(?:[ ().-]?\d){5,12}((?:[ ().-]?\d){2})(?![A-Za-z0-9.]*\d)/g, '…$1'],
]

export function scrubbed(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'boolean' || value == null) return value
  const text = typeof value === 'string' ? value : '…'
  return scrubText(text)
}

export function scrubText(text: string): string {
  let out = text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text
  for (const [pattern, replacement] of RULES) out = out.replace(pattern, replacement)
  return out
}
