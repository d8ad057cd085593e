import { answer, type Exchange } from '../rest/answer.ts'
import { PREFLIGHT } from '../rest/headers.ts'

/** Pages of other origins: those that are listed may read answers and send an API key. No page may send its cookies. */
export function sharer(origins: readonly string[]): (exchange: Exchange) => 'answered' | 'on' {
  const listed = new Set(origins)
  return exchange => {
    const { req, ctx } = exchange
    const { origin } = req.headers
    if (origin === undefined || !listed.has(origin)) return 'on'
    ctx.facts.sharedWith = origin
    if (req.method !== 'OPTIONS' || req.headers['access-control-request-method'] === undefined) return 'on'
    answer(exchange, 204, undefined, PREFLIGHT)
    return 'answered'
  }
}
