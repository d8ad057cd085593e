import type { ServerResponse } from 'node:http'
import type { App } from '../context.ts'
import { methodNotAllowed } from '../errors.ts'
import { answer, apiErrorOf, crash, type Exchange, type Headers } from '../rest/answer.ts'
import { readBody, requireJson } from '../rest/body.ts'
import { apiKeyOf, type Identify } from './credentials.ts'
import type { Yoga } from './yoga.ts'

/** GraphQL over HTTP: what comes before Yoga (credentials, size, media type) and after it (writing, streams). */

export interface GraphqlOptions {
  app: App
  yoga: Yoga
  identify: Identify
}

export interface GraphqlDoor {
  serve(exchange: Exchange): Promise<void>
  /** Ends open streams so that their readers come back elsewhere. */
  endStreams(): void
}

const METHODS = ['GET', 'POST']
const MEDIA_TYPES = ['application/json', 'application/graphql+json']

export function createGraphqlDoor({ app, yoga, identify }: GraphqlOptions): GraphqlDoor {
  const streams = new Set<ServerResponse>()
  return {
    async serve(exchange) {
      const { req, ctx } = exchange
      try {
        const headers = { Allow: [...METHODS, 'OPTIONS'].join(', ') }
        if (req.method === 'OPTIONS') return answer(exchange, 204, undefined, headers)
        if (!METHODS.includes(req.method!)) return refuse(exchange, methodNotAllowed(), headers)
        ctx.caller = await identify(app, apiKeyOf(req))
        if (req.method === 'POST') requireJson(req, MEDIA_TYPES)
        const body = req.method === 'POST' ? await readBody(req) : undefined
        await forward(exchange, { yoga, body, streams })
      } catch (error) {
        refuse(exchange, error)
      }
    },
    endStreams() {
      for (const res of streams) res.end()
    },
  }
}

/** An error before there is a GraphQL answer, in the shape of one. */
function refuse(exchange: Exchange, error: unknown, headers?: Headers): void {
  const known = apiErrorOf(error) ?? crash(exchange.ctx, error)
  const { status, code, message, details, retryAfterSeconds } = known
  exchange.ctx.facts.retryAfterSeconds = retryAfterSeconds
  if (code === 'payload_too_large') exchange.res.shouldKeepAlive = false
  answer(exchange, status, JSON.stringify({ errors: [{ message, extensions: { code, details } }] }), headers)
}

interface Forward {
  yoga: Yoga
  body: Buffer | undefined
  streams: Set<ServerResponse>
}

async function forward({ req, res, ctx }: Exchange, { yoga, body, streams }: Forward): Promise<void> {
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  const headers = Object.entries(req.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  )
  const init = { method: req.method, headers, body: body as BodyInit | undefined, signal: gone.signal }
  const response = await yoga.fetch(`http://localhost${req.url}`, init, { house: ctx })
  res.setHeaders(response.headers as unknown as globalThis.Headers)
  res.setHeader('X-Request-Id', ctx.requestId)
  res.setHeader('X-Content-Type-Options', 'nosniff')
  const type = response.headers.get('content-type') ?? ''
  if (!/^(text\/event-stream|multipart\/mixed)/.test(type)) {
    res.setHeader('Cache-Control', 'no-store')
    if (type.startsWith('text/html')) res.setHeader('Content-Security-Policy', "frame-ancestors 'none'")
    const text = await response.text()
    res.writeHead(response.status, { 'Content-Length': Buffer.byteLength(text) }).end(text)
    return
  }
  streams.add(res)
  res.once('close', () => streams.delete(res))
  res.writeHead(response.status)
  await pump(response.body!, res)
}

/** A reader that does not keep up is waited for; the streams behind it bound what they hold, and then end. */
async function pump(body: AsyncIterable<Uint8Array>, res: ServerResponse): Promise<void> {
  for await (const chunk of body) {
    if (res.destroyed || res.writableEnded) return
    if (!res.write(chunk)) await drained(res)
  }
  res.end()
}

function drained(res: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = () => {
    res.off('drain', done).off('close', done)
    resolve()
  }
  res.once('drain', done).once('close', done)
  return promise
}
