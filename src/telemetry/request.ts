import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from '../context.ts'
import { bound } from './trace.ts'

/**
 * One line for each request, once its answer is out or its caller gone. The route is the pattern that was matched and
 * never the path; of GraphQL the names of root fields, and never those that a caller made up.
 */
export function logRequest({ req, res, ctx }: { req: IncomingMessage; res: ServerResponse; ctx: Context }): void {
  if (!ctx.log.isLevelEnabled('info')) return
  const startedMs = performance.now()
  const tell = () => {
    const { route = null, operations, refusal } = ctx.facts
    ctx.log.info(
      {
        requestId: ctx.requestId,
        method: req.method,
        route,
        ...(operations && { operations }),
        status: res.headersSent ? res.statusCode : null,
        ...(refusal && { code: refusal.code }),
        ms: Math.round((performance.now() - startedMs) * 10) / 10,
        ...(ctx.caller && { tenantId: ctx.caller.tenantId }),
        ...(!res.writableFinished && { aborted: true }),
      },
      'request',
    )
  }
  res.once('close', bound(tell))
}
