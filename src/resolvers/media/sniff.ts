import { open } from 'node:fs/promises'

/** What bytes are, from the bytes alone. Nothing that a caller claims is believed. */

export const UNKNOWN = 'application/octet-stream'
const TEXT = 'text/plain'
const HEAD_BYTES = 4096

export async function sniff(path: string): Promise<string> {
  const { fileTypeFromFile } = await import('file-type')
  // A file that breaks off in the midst of what its head promises is no known kind.
  const found = await fileTypeFromFile(path).catch(() => undefined)
  if (found) return found.mime
  return (await looksLikeText(path)) ? TEXT : UNKNOWN
}

/** HTML, SVG and scripts are text as well, and as such harmless. */
async function looksLikeText(path: string): Promise<boolean> {
  const handle = await open(path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0)
    if (bytesRead === 0) return false
    const head = new TextDecoder('utf-8', { fatal: true })
    // A character may be cut in two at the end of the head: it is waited for.
    const text = head.decode(buffer.subarray(0, bytesRead), { stream: bytesRead === HEAD_BYTES })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that tell bytes from text
    return !/[\0-\x08\x0e-\x1a\x1c-\x1f]/.test(text)
  } catch {
    return false
  } finally {
    await handle.close()
  }
}

/** Shown in a browser these run nothing: all else is only ever saved. */
const INERT = new Set([
  'image/jpeg',
  'image/png',
  'image/gif',
  'image/webp',
  'video/mp4',
  'video/webm',
  'video/quicktime',
  'video/3gpp',
])

export const essence = (mimeType: string): string => mimeType.split(';')[0]!.trim().toLowerCase()

export const isInert = (mimeType: string): boolean =>
  INERT.has(essence(mimeType)) || essence(mimeType).startsWith('audio/')

export type SendableKind = 'image' | 'video' | 'audio' | 'document'

/** A document may be anything. */
export function fits(mimeType: string, kind: SendableKind): boolean {
  return kind === 'document' || essence(mimeType).startsWith(`${kind}/`)
}

const MIME_TYPE =
  /^[a-z0-9][a-z0-9!#$&^_.+-]{0,60}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}(; ?[a-z0-9-]{1,20}=[a-z0-9_.,-]{1,40})?$/i

/** As somebody announces it, as far as that can be a type at all. */
export const announcedType = (mimeType: string): string => (MIME_TYPE.test(mimeType) ? mimeType.toLowerCase() : UNKNOWN)
