import type { App } from '../context.ts'
import type { Exchange } from '../rest/answer.ts'

const MESSAGE_MAX_LENGTH = 500

/** Tells of each call with an API key, once its answer is out or its caller gone. */
export function countCall(app: App, { req, res, ctx }: Exchange): void {
  const startedMs = performance.now()
  res.once('close', () => {
    const { keyOf: tenantId, route = null, refusal } = ctx.facts
    if (tenantId === undefined) return
    const isStream = /^(text\/event-stream|multipart\/mixed)/.test(String(res.getHeader('content-type') ?? ''))
    const tookMs = isStream ? null : performance.now() - startedMs
    const error = refusal ? { ...refusal, message: refusal.message.slice(0, MESSAGE_MAX_LENGTH) } : null
    app.calls.note({ tenantId, method: req.method!, route, at: app.clock.now(), tookMs, error })
  })
}
