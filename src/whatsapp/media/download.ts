import http from 'node:http'
import https from 'node:https'
import { pipeline, type Readable } from 'node:stream'
import { decrypting } from './decrypt.ts'
import { MAX_MEDIA_BYTES } from './kind.ts'
import { mediaUrl } from './place.ts'
import type { MediaReference } from './reference.ts'

export interface DownloadLimits {
  /** From asking to the last byte. */
  totalMs: number
  /** Without a byte in either direction. */
  idleMs: number
}

export const DOWNLOAD_LIMITS: DownloadLimits = { totalMs: 300_000, idleMs: 30_000 }

export type Download =
  | { kind: 'open'; bytes: Readable }
  /** The place is empty; the phone may know another. */
  | { kind: 'absent'; message: string }
  /** It will not be had by asking again. */
  | { kind: 'refused'; message: string }
  | { kind: 'failed'; message: string }

/** What a cipher adds: a block, the MAC, and room for an announcement that is a little off. */
const SLACK_BYTES = 64 * 1024
const ABSENT = new Set([404, 410])

/** Follows no redirect: where it leads is a stranger's word again. */
export async function download(
  reference: MediaReference,
  { ownHost, limits = DOWNLOAD_LIMITS }: { ownHost: string | null; limits?: DownloadLimits | undefined },
): Promise<Download> {
  if (reference.mediaKey.length !== 32) return { kind: 'refused', message: 'the message has no key to its media' }
  const url = mediaUrl(reference, ownHost)
  if (!url) return { kind: 'refused', message: 'the message names no place of WhatsApp' }
  if (!(reference.sizeBytes <= MAX_MEDIA_BYTES)) return { kind: 'refused', message: 'the media is too large' }
  const maxBytes = reference.sizeBytes > 0 ? reference.sizeBytes + SLACK_BYTES : MAX_MEDIA_BYTES
  try {
    const answer = await get(url, limits)
    const status = answer.statusCode ?? 0
    if (status !== 200) {
      answer.destroy()
      const message = `WhatsApp's media host answered ${status}`
      return ABSENT.has(status) ? { kind: 'absent', message } : { kind: 'failed', message }
    }
    if (Number(answer.headers['content-length'] ?? 0) > maxBytes) {
      answer.destroy()
      return { kind: 'refused', message: 'the media is larger than announced' }
    }
    const { mediaKey, kind, sha256 } = reference
    // Whoever reads learns of an error by the stream itself.
    return { kind: 'open', bytes: pipeline(answer, decrypting({ mediaKey, kind, sha256, maxBytes }), () => {}) }
  } catch (error) {
    return { kind: 'failed', message: error instanceof Error ? error.message : String(error) }
  }
}

const HEADERS = { origin: 'https://web.whatsapp.com', 'accept-encoding': 'identity' }

function get(url: URL, { totalMs, idleMs }: DownloadLimits): Promise<http.IncomingMessage> {
  const { request } = url.protocol === 'https:' ? https : http
  return new Promise((resolve, reject) => {
    const asked = request(url, {
      agent: false,
      headers: HEADERS,
      timeout: idleMs,
      signal: AbortSignal.timeout(totalMs),
    })
    asked.on('timeout', () => asked.destroy(new Error('the media host went silent')))
    asked.on('error', reject)
    asked.on('response', resolve)
    asked.end()
  })
}
