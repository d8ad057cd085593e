import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { methodNotAllowed } from '../errors.ts'
import { answer, apiErrorOf, crash, type Exchange, type Headers } from '../rest/answer.ts'
import { arrived, readBody, requireJson } from '../rest/body.ts'
import { headersOf } from '../rest/headers.ts'
import type { Gate } from './gate.ts'
import { isMultipart, readUpload, type Upload } from './graphql-upload.ts'
import type { Yoga } from './yoga.ts'

/** GraphQL over HTTP: what comes before Yoga (credentials, size, media type) and after it (writing, streams). */

export interface GraphqlOptions {
  yoga: Yoga
  gate: Gate
}

export interface GraphqlDoor {
  serve(exchange: Exchange): Promise<void>
  /** Answers what is not served. Nobody is charged. */
  refuse(exchange: Exchange, error: unknown): void
  /** Ends open streams so that their readers come back elsewhere. */
  endStreams(): void
}

const METHODS = ['GET', 'POST', 'OPTIONS']
const MEDIA_TYPES = ['application/json', 'application/graphql+json']

export function createGraphqlDoor({ yoga, gate }: GraphqlOptions): GraphqlDoor {
  const streams: Streams = new Set()
  return {
    async serve(exchange) {
      const { req } = exchange
      noteMethod(exchange)
      try {
        const headers = { Allow: METHODS.join(', ') }
        if (req.method === 'OPTIONS') gate.peek(exchange.ctx)
        else await gate.enter(exchange)
        if (req.method === 'OPTIONS') return answer(exchange, 204, undefined, headers)
        if (exchange.ctx.facts.wrongMethod) return refuse(exchange, methodNotAllowed(), headers)
        if (req.method === 'POST' && isMultipart(req)) return await upload(exchange, { yoga, streams })
        if (req.method === 'POST') requireJson(req, MEDIA_TYPES)
        const body = req.method === 'POST' ? await arrived(exchange, readBody(req)) : undefined
        await forward(exchange, { yoga, body, streams })
      } catch (error) {
        // Who left is owed no answer, and what that broke off is no failure.
        if (!exchange.res.destroyed) refuse(exchange, error)
      }
    },
    refuse(exchange, error) {
      noteMethod(exchange)
      gate.peek(exchange.ctx)
      refuse(exchange, error)
    },
    endStreams() {
      for (const end of streams) end()
    },
  }
}

const noteMethod = ({ req, ctx }: Exchange) => {
  ctx.facts.wrongMethod = !METHODS.includes(req.method!)
}

/** An error before there is a GraphQL answer, in the shape of one. */
function refuse(exchange: Exchange, error: unknown, headers?: Headers): void {
  const known = apiErrorOf(error) ?? crash(exchange.ctx, error)
  const { status, code, message, details, retryAfterSeconds } = known
  exchange.ctx.facts.retryAfterSeconds = retryAfterSeconds
  exchange.ctx.facts.refusal = { code, message }
  if (code === 'payload_too_large') exchange.res.shouldKeepAlive = false
  answer(exchange, status, JSON.stringify({ errors: [{ message, extensions: { code, details } }] }), headers)
}

/** One function for each open stream, which ends it. */
type Streams = Set<() => void>

interface Forward {
  yoga: Yoga
  body?: Buffer | string
  upload?: Upload
  streams: Streams
}

/** Nothing of the file is left in the spool when there is an answer. */
async function upload(exchange: Exchange, { yoga, streams }: Forward): Promise<void> {
  const upload = await arrived(exchange, readUpload(exchange.req, exchange.ctx))
  try {
    await forward(exchange, { yoga, streams, upload, body: upload.operations })
  } finally {
    await exchange.ctx.spool.discard(upload.file)
  }
}

async function forward({ req, res, ctx }: Exchange, { yoga, body, upload, streams }: Forward): Promise<void> {
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  const headers = Object.entries(req.headers).flatMap(([name, value]) =>
    value === undefined || (upload && /^content-/.test(name)) ? [] : [[name, String(value)] as [string, string]],
  )
  if (upload) headers.push(['content-type', 'application/json'])
  const init = { method: req.method, headers, body: body as BodyInit | undefined, signal: gone.signal }
  const response = await yoga.fetch(`http://localhost${req.url}`, init, { house: ctx, upload })
  res.setHeaders(response.headers as unknown as globalThis.Headers)
  res.setHeader('X-Request-Id', ctx.requestId)
  res.setHeader('X-Content-Type-Options', 'nosniff')
  for (const [name, value] of Object.entries(headersOf(ctx.facts))) res.setHeader(name, value)
  const type = response.headers.get('content-type') ?? ''
  if (!/^(text\/event-stream|multipart\/mixed)/.test(type)) {
    res.setHeader('Cache-Control', 'no-store')
    if (type.startsWith('text/html')) res.setHeader('Content-Security-Policy', "frame-ancestors 'none'")
    const text = await response.text()
    res.writeHead(response.status, { 'Content-Length': Buffer.byteLength(text) }).end(text)
    return
  }
  res.writeHead(response.status)
  pipe(response.body as unknown as Readable, res, streams)
}

/** Of a reader of events who does not keep up. */
const UNREAD_MAX_BYTES = 1_048_576

/** Yoga's body is a Node stream, dressed as a web stream whose `cancel` waits for the next event. */
function pipe(body: Readable, res: ServerResponse, streams: Streams): void {
  const end = () => {
    body.unpipe(res)
    body.destroy()
    res.end()
  }
  streams.add(end)
  res.once('close', () => {
    streams.delete(end)
    body.destroy()
  })
  res.on('error', () => res.destroy())
  body.once('error', () => res.destroy())
  // An answer in parts has an end, and waits for its reader. Events come whether they are read or not.
  if (!String(res.getHeader('content-type')).startsWith('text/event-stream')) return void body.pipe(res)
  body.on('data', chunk => {
    if (res.writableLength > UNREAD_MAX_BYTES) res.destroy()
    else res.write(chunk)
  })
  body.once('end', () => res.end())
}
