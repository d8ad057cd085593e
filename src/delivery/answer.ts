import type { Clock } from '../clock.ts'
import type { Answer } from './delivery.ts'

type Headers = Record<string, string | string[] | undefined>

/** What is read of an answer, and what of that is kept. */
export const READ_MAX_BYTES = 64 * 1024
const KEPT_MAX_BYTES = 1024

/** Takes an answer in, piece by piece, and holds no more of it than is kept. */
export class AnswerReader {
  readonly #clock: Clock
  #statusCode = 0
  #retryAfterMs: number | null = null
  #kept: Buffer[] = []
  #readBytes = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  head(statusCode: number, headers: Headers): void {
    this.#statusCode = statusCode
    this.#retryAfterMs = retryAfterMs(headers['retry-after'], this.#clock.nowMs())
  }

  /** False: that is enough of it. */
  take(chunk: Buffer): boolean {
    const room = KEPT_MAX_BYTES - this.#readBytes
    // A copy: the piece is a view of a larger buffer.
    if (room > 0) this.#kept.push(Buffer.from(chunk.subarray(0, room)))
    this.#readBytes += chunk.length
    return this.#readBytes <= READ_MAX_BYTES
  }

  done(): Answer {
    const body = textOf(Buffer.concat(this.#kept))
    return { statusCode: this.#statusCode, body, retryAfterMs: this.#retryAfterMs }
  }
}

/** Text that any column takes, in at most 1 KiB; what is no UTF-8 shows as U+FFFD, and a cut character is dropped. */
function textOf(bytes: Buffer): string {
  const text = new TextDecoder().decode(bytes, { stream: true }).replaceAll('\0', '')
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(KEPT_MAX_BYTES))
  return text.slice(0, read)
}

/** Seconds, or a date. */
export function retryAfterMs(value: string | string[] | undefined, nowMs: number): number | null {
  const text = (Array.isArray(value) ? value[0] : value)?.trim() ?? ''
  if (/^\d{1,12}$/.test(text)) return Number(text) * 1000
  const at = /^[A-Z][a-z]{2,8},? /.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(at) ? null : Math.max(0, at - nowMs)
}
