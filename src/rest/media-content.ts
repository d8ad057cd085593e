import type { Readable } from 'node:stream'
import { tenantOf } from '../context.ts'
import { invalid, notFound, rangeNotSatisfiable } from '../errors.ts'
import { contentDisposition } from '../resolvers/media/filename.ts'
import { media } from '../resolvers/media/media.ts'
import { type OpenedMedia, openStored } from '../resolvers/media/openStored.ts'
import { isInert } from '../resolvers/media/sniff.ts'
import { addProblem, noProblems } from '../schema/problems.ts'
import { answerError, type Exchange } from './answer.ts'
import { headersOf } from './headers.ts'
import { EVERY_ANSWER, ref } from './openapi-errors.ts'
import { rangeOf } from './range.ts'
import type { BinaryRoute, Target } from './rest.ts'

/** The bytes of a file, for whoever may have them, in a form in which no browser runs anything of them. */

/** Of a reader who has stopped reading. */
const IDLE_MS = 60_000

const inPath = (name: string, description: string) => ({
  name,
  in: 'path',
  required: true,
  description,
  schema: { type: 'string' },
})
const bytes = { '*/*': { schema: { type: 'string', contentMediaType: 'application/octet-stream' } } }

export const mediaContent: BinaryRoute = {
  path: '/instances/{instance_id}/media/{media_id}/content',
  tag: 'Media',
  description: {
    operationId: 'mediaContent',
    summary: 'The file itself',
    description:
      'The file itself, of the type that its bytes have; one range of it where `Range` asks for one. A received file is fetched from WhatsApp first, unless it is here already.',
    parameters: [inPath('instance_id', '`inst_…`'), inPath('media_id', '`med_…`')],
    responses: {
      200: { description: 'All of it.', headers: EVERY_ANSWER, content: bytes },
      206: { description: 'The range that was asked for.', headers: EVERY_ANSWER, content: bytes },
      304: { description: 'It is the one that you have.', headers: EVERY_ANSWER },
      400: ref('BadRequest'),
      401: ref('Unauthorized'),
      403: ref('Forbidden'),
      404: ref('NotFound'),
      416: ref('BadRange'),
      429: ref('RateLimited'),
      default: ref('Error'),
    },
  },
  serve: serveContent,
}

async function serveContent(exchange: Exchange, { params, query }: Target): Promise<void> {
  const { req, ctx } = exchange
  const problems = noProblems()
  for (const [name] of new URLSearchParams(query)) addProblem(problems, name, 'is not a known parameter')
  for (const _ in problems) return answerError(exchange, invalid(problems), { spelled: true })
  const at = { instanceId: idIn(params.instance_id), mediaId: idIn(params.media_id) }
  tenantOf(ctx)
  await media(ctx, at)
  const file = await ctx.pass.aside(openStored(ctx, at))
  const etag = `"${file.sha256}"`
  if (matches(req.headers['if-none-match'], etag)) return send(exchange, 304, { file, headers: { ETag: etag } })
  const ifRange = req.headers['if-range']
  const asked = req.method === 'GET' && (ifRange === undefined || ifRange === etag) ? req.headers.range : undefined
  const range = rangeOf(asked, file.sizeBytes)
  if (range === 'unsatisfiable') {
    const headers = { 'Content-Range': `bytes */${file.sizeBytes}` }
    return answerError(exchange, rangeNotSatisfiable(file.sizeBytes), { headers })
  }
  const { start, end } = range ?? { start: 0, end: file.sizeBytes - 1 }
  const headers = {
    ...safeHeaders(file),
    ETag: etag,
    'Accept-Ranges': 'bytes',
    'Content-Length': String(end - start + 1),
    ...(range && { 'Content-Range': `bytes ${start}-${end}/${file.sizeBytes}` }),
  }
  const hasBytes = req.method === 'GET' && file.sizeBytes > 0
  const content = hasBytes ? await file.open(range ?? undefined) : undefined
  send(exchange, range ? 206 : 200, { file, headers, content })
}

/** What cannot be an id is the id of nothing. */
function idIn(text: string | undefined): string {
  if (text === undefined || !text.isWellFormed() || text.includes('\0')) throw notFound('media')
  return text
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some(each => each.trim().replace(/^W\//, '') === etag || each.trim() === '*')
}

const safeHeaders = ({ mimeType, filename }: OpenedMedia): Record<string, string> => ({
  'Content-Type': mimeType === 'text/plain' ? 'text/plain; charset=utf-8' : mimeType,
  'Content-Disposition': contentDisposition(isInert(mimeType) ? 'inline' : 'attachment', filename),
})

interface Content {
  file: OpenedMedia
  headers: Record<string, string>
  content?: Readable
}

function send({ res, ctx }: Exchange, status: number, { headers, content }: Content): void {
  if (res.destroyed) return void content?.destroy()
  res.writeHead(status, {
    'X-Request-Id': ctx.requestId,
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "default-src 'none'; sandbox",
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'private, max-age=3600',
    ...headers,
    ...headersOf(ctx.facts),
  })
  if (!content) return void res.end()
  res.setTimeout(IDLE_MS, () => res.destroy())
  res.once('close', () => content.destroy())
  // The head is out: all that is left to say is that it ends here.
  content.once('error', cause => {
    ctx.log.error({ err: cause, requestId: ctx.requestId }, 'media broke off')
    res.destroy()
  })
  content.pipe(res)
}
