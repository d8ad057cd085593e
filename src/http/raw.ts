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
  // A server that was stopped meanwhile finds the request late, too: its caller is to try again.
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') refuse(socket, unavailable('the request did not arrive in time'))
  else write(socket, new ApiError('validation_error', sentence(error.code)))
}

function sentence(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return 'the headers are too large'
  return 'the request is not valid HTTP'
}

function refuse(socket: Duplex, error: ApiError): void {
  write(socket, error, { ...headersOf({ retryAfterSeconds: error.retryAfterSeconds }), [ID]: newId('req') })
}

export function refuseUpgrade(socket: Duplex, error: ApiError, { facts, requestId }: Context): void {
  write(socket, error, { ...headersOf({ ...facts, retryAfterSeconds: error.retryAfterSeconds }), [ID]: requestId })
}

const ID = 'X-Request-Id'

function write(socket: Duplex, error: ApiError, headers: Record<string, string> = { [ID]: newId('req') }): void {
  const { status, code, message, details } = error
  const body = JSON.stringify({ error: { code, message, details } })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ]
  socket.on('error', () => {})
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
