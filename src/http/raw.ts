import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Context } from '../context.ts'
import { ApiError, unavailable } from '../errors.ts'
import { newId } from '../ids.ts'
import { headersOf } from '../rest/headers.ts'

/** Answers where there is no request to answer: what is not HTTP, came too slowly, or may not upgrade. */

interface HttpSocket extends Duplex {
  /** Node's own mark of the answer that is on its way. */
  _httpMessage?: { headersSent: boolean } | null
}

export function onBrokenRequest(error: Error & { code?: string }, socket: HttpSocket): void {
  // An answer is half out: anything more would be read as part of it.
  if (!socket.writable || socket._httpMessage?.headersSent || error.code === 'ECONNRESET') return void socket.destroy()
  refuse(socket, refusal(error.code), { facts: {}, requestId: newId('req') })
}

function refusal(code: string | undefined): ApiError {
  // A server that was stopped meanwhile finds the request late, too: its caller is to try again.
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return unavailable('the request did not arrive in time')
  const isLong = code === 'HPE_HEADER_OVERFLOW'
  return new ApiError('validation_error', isLong ? 'the headers are too large' : 'the request is not valid HTTP')
}

type Answered = Pick<Context, 'facts' | 'requestId'>

export function refuse(socket: Duplex, error: ApiError, { facts, requestId }: Answered): void {
  const { status, code, message, details, retryAfterSeconds } = error
  const body = JSON.stringify({ error: { code, message, details } })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${requestId}`,
    ...Object.entries(headersOf({ ...facts, retryAfterSeconds })).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ]
  socket.on('error', () => {})
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
