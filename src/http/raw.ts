import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { ApiError } from '../errors.ts'
import { newId } from '../ids.ts'

/** Answers where there is no request to answer: what is not HTTP, came too slowly, or may not upgrade. */

interface HttpSocket extends Duplex {
  /** Node's own mark of the answer that is on its way. */
  _httpMessage?: { headersSent: boolean } | null
}

export function onBrokenRequest(error: Error & { code?: string }, socket: HttpSocket): void {
  // An answer is half out: anything more would be read as part of it.
  if (!socket.writable || socket._httpMessage?.headersSent || error.code === 'ECONNRESET') return void socket.destroy()
  write(socket, new ApiError('validation_error', sentence(error.code)))
}

function sentence(code: string | undefined): string {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'the request did not arrive in time'
  if (code === 'HPE_HEADER_OVERFLOW') return 'the headers are too large'
  return 'the request is not valid HTTP'
}

export const refuseUpgrade = (socket: Duplex, error: ApiError): void => write(socket, error)

function write(socket: Duplex, { status, code, message, details }: ApiError): void {
  const body = JSON.stringify({ error: { code, message, details } })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Request-Id: ${newId('req')}`,
    'Connection: close',
  ]
  socket.on('error', () => {})
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
