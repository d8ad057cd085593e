import type { Facts } from '../context.ts'

/** Facts in domain words → headers of an answer. The only place that knows their names. */
export function headersOf(facts: Facts): Record<string, string> {
  const headers: Record<string, string> = {}
  if (facts.retryAfterSeconds !== undefined) headers['Retry-After'] = String(Math.ceil(facts.retryAfterSeconds))
  return headers
}
