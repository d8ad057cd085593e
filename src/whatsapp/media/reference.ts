import type { MediaKind } from './kind.ts'

/** Where WhatsApp has media and how it opens: what a message says, and none of it proven. */
export interface MediaReference {
  kind: MediaKind
  directPath: string | null
  url: string | null
  mediaKey: Uint8Array
  /** Of the plain bytes. */
  sha256: Uint8Array | null
  /** Of the plain bytes, as announced. */
  sizeBytes: number
}

const MAX_PLACE_LENGTH = 4096
const place = (text: unknown): string | null =>
  typeof text === 'string' && text !== '' && text.length <= MAX_PLACE_LENGTH ? text : null

export function packReference(reference: MediaReference): Buffer {
  const { kind, directPath, url, mediaKey, sha256, sizeBytes } = reference
  const base64 = (bytes: Uint8Array | null) => bytes && Buffer.from(bytes).toString('base64')
  return Buffer.from(
    JSON.stringify({
      v: 1,
      kind,
      path: place(directPath),
      url: place(url),
      key: base64(mediaKey),
      sha256: base64(sha256),
      size: sizeBytes,
    }),
  )
}

export function unpackReference(bytes: Uint8Array): MediaReference {
  const { kind, path, url, key, sha256, size } = JSON.parse(Buffer.from(bytes).toString('utf8'))
  return {
    kind,
    directPath: place(path),
    url: place(url),
    mediaKey: Buffer.from(key ?? '', 'base64'),
    sha256: sha256 ? Buffer.from(sha256, 'base64') : null,
    sizeBytes: Number(size),
  }
}
