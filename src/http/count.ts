import type { App } from '../context.ts'
import type { Exchange } from '../rest/answer.ts'

const MESSAGE_MAX_LENGTH = 500

/** Tells of each call, once its answer is out or its caller gone: the operator of all, and a tenant of those with its API key. */
export function countCall(app: App, { req, res, ctx }: Exchange): void {
  const startedMs = performance.now()
  res.once('close', () => {
    const { keyOf: tenantId, route = null, refusal, wrongMethod = refusal?.code === 'method_not_allowed' } = ctx.facts
    const isStream = /^(text\/event-stream|multipart\/mixed)/.test(String(res.getHeader('content-type') ?? ''))
    const tookMs = isStream ? null : performance.now() - startedMs
    const status = res.headersSent ? res.statusCode : null
    const method = wrongMethod ? 'other' : req.method!
    ctx.metrics.http.answered({ method, route, status, tookMs })
    if (tenantId === undefined) return
    const error = refusal ? { ...refusal, message: storable(refusal.message) } : null
    app.calls.note({ tenantId, method, route, at: app.clock.now(), tookMs, error })
  })
}

/** A message may quote what was sent; PostgreSQL takes neither NUL nor half a character. */
const storable = (message: string): string =>
  message
    .slice(0, MESSAGE_MAX_LENGTH)
    .toWellFormed()
    .replace(/\p{Cc}/gu, '\ufffd')
