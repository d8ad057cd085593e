import type { Facts } from '../context.ts'

/** Facts in domain words → headers of an answer. The only place that knows their names. */
export function headersOf(facts: Facts): Record<string, string> {
  const headers: Record<string, string> = {}
  const { allowance, session, sharedWith } = facts
  if (allowance) {
    headers['X-RateLimit-Limit'] = String(allowance.limit)
    headers['X-RateLimit-Remaining'] = String(allowance.remaining)
    headers['X-RateLimit-Reset'] = String(Math.ceil(allowance.resetsAtSeconds))
  }
  if (facts.quota) {
    headers['X-Quota-Used'] = String(facts.quota.used)
    headers['X-Quota-Remaining'] = String(Math.max(0, facts.quota.included - facts.quota.used))
  }
  if (facts.replayed) headers['Idempotency-Replayed'] = 'true'
  if (facts.retryAfterSeconds !== undefined) headers['Retry-After'] = String(Math.ceil(facts.retryAfterSeconds))
  if (session) headers['Set-Cookie'] = cookieOf(session, facts.secure === true)
  if (sharedWith !== undefined) {
    headers['Access-Control-Allow-Origin'] = sharedWith
    headers['Access-Control-Expose-Headers'] = EXPOSED
    headers.Vary = 'Origin'
  }
  return headers
}

export const SESSION_COOKIE = 'wataki_session'

const EXPOSED = [
  'Retry-After',
  'X-Request-Id',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'X-Quota-Used',
  'X-Quota-Remaining',
  'Idempotency-Replayed',
].join(', ')

/** What a page of another origin may send, when it may call at all: an API key, and never a cookie. */
export const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, HEAD, POST, PATCH, DELETE',
  'Access-Control-Allow-Headers': 'Accept, Content-Type, Idempotency-Key, X-API-Key, X-Request-Id',
  'Access-Control-Max-Age': '7200',
}

/** Of this host alone: without `Domain` no other host gets it. */
function cookieOf(session: NonNullable<Facts['session']>, secure: boolean): string {
  const [value, maxAge] = 'token' in session ? [session.token, session.maxAgeSeconds] : ['', 0]
  return `${SESSION_COOKIE}=${value}; Max-Age=${maxAge}; Path=/; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`
}
