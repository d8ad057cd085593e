import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { ApiError, invalid, payloadTooLarge, unavailable, unsupportedMediaType } from '../errors.ts'
import type { Exchange } from './answer.ts'

/** The bytes and the JSON of a request, within bounds. */

export const BODY_MAX_BYTES = 1_048_576

export const hasBody = (req: IncomingMessage): boolean =>
  req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0

/** What is read while its sender still sends, aside: what is here already is not waited for. */
export const arrived = <T>({ req, ctx }: Exchange, reading: Promise<T>): Promise<T> =>
  req.complete ? reading : ctx.pass.arrive(reading)

/** For bodies that are being read, all together. */
export class Room {
  readonly maxBytes: number
  takenBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }
}

/** Of all who passed the turnstile. */
const ROOM = new Room(64 * 1_048_576)

/** Refused as soon as it is known to be too large: at once by its announced length, else while it streams in. */
export function readBody(req: IncomingMessage, room = ROOM): Promise<Buffer> {
  if (Number(req.headers['content-length'] ?? 0) > BODY_MAX_BYTES)
    return Promise.reject(payloadTooLarge(BODY_MAX_BYTES))
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  const chunks: Buffer[] = []
  let sizeBytes = 0
  const onData = (chunk: Buffer) => {
    chunks.push(chunk)
    room.takenBytes += chunk.length
    if ((sizeBytes += chunk.length) > BODY_MAX_BYTES) stop(() => reject(payloadTooLarge(BODY_MAX_BYTES)))
    else if (room.takenBytes > room.maxBytes) stop(() => reject(unavailable('Too much is being sent right now')))
  }
  const onEnd = () => stop(() => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)))
  const onCut = () => stop(() => reject(invalid({ body: 'did not arrive in full' })))
  const stop = (settle: () => void) => {
    req.off('data', onData).off('end', onEnd).off('close', onCut).off('error', onCut)
    room.takenBytes -= sizeBytes
    settle()
  }
  req.on('data', onData).on('end', onEnd).on('close', onCut).on('error', onCut)
  return promise
}

/** Undefined: the request has no body. */
export async function readJson(req: IncomingMessage): Promise<unknown> {
  if (!hasBody(req)) return undefined
  const announced = req.headers['content-type']
  if (announced !== undefined) requireJson(req)
  const bytes = await readBody(req)
  if (bytes.length === 0) return undefined
  if (announced === undefined) throw unsupportedMediaType()
  if (!isUtf8(bytes)) throw invalid({ body: 'is not valid UTF-8' })
  const text = bytes.toString('utf8')
  const written = membersWritten(text)
  // To make an object of them would take the processor for longer than to count them.
  if (written > MEMBERS_MAX) throw invalid({ body: `has more than ${MEMBERS_MAX} fields` })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid({ body: 'is not valid JSON' })
  }
  if (written !== membersOf(value)) throw invalid({ body: 'has a field twice in one object' })
  return value
}

/** Far more than any route asks for. */
const MEMBERS_MAX = 10_000

const QUOTE = 34
const COLON = 58
const BACKSLASH = 92

/** How many fields a valid JSON text writes: its colons outside of strings. */
function membersWritten(text: string): number {
  let count = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) inString = !inString
    else if (inString && code === BACKSLASH) at++
    else if (!inString && code === COLON) count++
  }
  return count
}

/** How many of them there are after parsing, which keeps the last of two of one name. */
function membersOf(value: unknown): number {
  let count = 0
  for (const open = [value]; open.length > 0; ) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null) continue
    const members = Object.values(next)
    if (!Array.isArray(next)) count += members.length
    for (const member of members) if (typeof member === 'object') open.push(member)
  }
  return count
}

/** A media type of JSON in UTF-8, not compressed. */
export function requireJson(req: IncomingMessage, types: readonly string[] = ['application/json']): void {
  const [type, ...parameters] = (req.headers['content-type'] ?? '').split(';').map(part => part.trim().toLowerCase())
  const charset = parameters
    .find(parameter => parameter.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '')
  if (!types.includes(type!) || (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8')) {
    throw unsupportedMediaType()
  }
  requirePlain(req)
}

/** Not compressed: what is unpacked has no bound. */
export function requirePlain(req: IncomingMessage): void {
  const encoding = req.headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ApiError('unsupported_media_type', 'Content-Encoding is not supported')
  }
}
