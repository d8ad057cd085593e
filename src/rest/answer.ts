import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Context } from '../context.ts'
import { ApiError, internal } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Log } from '../telemetry/log.ts'
import { hasBody } from './body.ts'
import { snake, snakePath } from './casing.ts'
import { headersOf } from './headers.ts'

/** How answers leave, those of other doors too: whole, with a length, with the request's id. */

/** One request and its answer, with the context that it runs in. */
export interface Exchange {
  req: IncomingMessage
  res: ServerResponse
  ctx: Context
}

export type Headers = Record<string, string | string[]>

/** How long an unread body is drained, so that the caller gets to read the answer. */
const DRAIN_MS = 1000

/** `body` undefined: an answer without one. */
export function answer({ req, res, ctx }: Exchange, status: number, body?: string, headers?: Headers): void {
  if (res.headersSent || res.destroyed) return
  const head: Headers = {
    'X-Request-Id': ctx.requestId,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  }
  if (body !== undefined) {
    head['Content-Type'] = 'application/json; charset=utf-8'
    head['Content-Length'] = String(Buffer.byteLength(body))
  }
  res.writeHead(status, Object.assign(head, headersOf(ctx.facts), headers))
  if (!req.complete && hasBody(req)) drain(req, res, body)
  else res.end(body)
}

/** To close with bytes unread would reset the connection, and the answer with it. */
function drain(req: IncomingMessage, res: ServerResponse, body: string | undefined): void {
  if (body === undefined) res.flushHeaders()
  else res.write(body)
  const timer = setTimeout(finish, DRAIN_MS)
  req.on('end', finish).on('close', finish).on('error', finish).resume()
  function finish() {
    clearTimeout(timer)
    req.off('end', finish).off('close', finish)
    res.end()
    if (!req.complete) req.destroy()
  }
}

/** In the shape that every error has. Details of the house are respelled, unless they are in the caller's spelling. */
export function answerError(
  exchange: Exchange,
  error: unknown,
  options: { headers?: Headers; spelled?: boolean } = {},
): void {
  const known = apiErrorOf(error) ?? crash(exchange.ctx, error)
  const { code, message, details } = options.spelled ? known : respelled(known)
  if (known.retryAfterSeconds !== undefined) exchange.ctx.facts.retryAfterSeconds = known.retryAfterSeconds
  exchange.ctx.facts.refusal = { code, message }
  if (code === 'payload_too_large') exchange.res.shouldKeepAlive = false
  answer(exchange, known.status, JSON.stringify({ error: { code, message, details } }), options.headers)
}

/** The house's own error, as it is or inside what GraphQL made of it. */
export function apiErrorOf(error: unknown): ApiError | null {
  for (let depth = 0, at = error; at instanceof Error && depth < 5; depth++) {
    if (at instanceof ApiError) return at
    at = (at as { originalError?: unknown }).originalError
  }
  return null
}

/** Tells the operator what happened and the caller an id to quote. */
export function crash(ctx: { log: Log; requestId?: string }, error: unknown): ApiError {
  const id = newId('err')
  const cause = (error as { originalError?: unknown } | null)?.originalError ?? error
  ctx.log.error({ err: cause, errorId: id, requestId: ctx.requestId }, 'a request failed')
  return internal(id, cause)
}

function respelled({ code, message, details }: ApiError): Pick<ApiError, 'code' | 'message' | 'details'> {
  const entries = Object.entries(details)
  const [first] = entries
  const spell = code === 'validation_error' ? snakePath : snake
  return {
    code,
    message: first && message === `${first[0]} ${first[1]}` ? `${spell(first[0])} ${first[1]}` : message,
    details: Object.fromEntries(entries.map(([key, value]) => [spell(key), value])),
  }
}
