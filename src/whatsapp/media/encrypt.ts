import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { MAC_BYTES, MAX_MEDIA_BYTES, type MediaKind, mediaKeys } from './kind.ts'

export interface Encrypted {
  mediaKey: Buffer
  sha256: Buffer
  /** Of the ciphertext with its MAC. */
  encSha256: Buffer
  sizeBytes: number
}

/** Thrown when there are more bytes than may be sent. */
export class MediaTooLarge extends Error {
  override name = 'MediaTooLarge'
}

/** Encrypts `plain` into a new file at `path` as it comes, so that no more than a piece of it is in memory. */
export async function encryptToFile(
  plain: Readable,
  { kind, path, signal }: { kind: MediaKind; path: string; signal: AbortSignal },
): Promise<Encrypted> {
  const mediaKey = randomBytes(32)
  const { iv, cipherKey, macKey } = mediaKeys(mediaKey, kind)
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const mac = createHmac('sha256', macKey).update(iv)
  const [sha256, encSha256] = [createHash('sha256'), createHash('sha256')]
  const file = await open(path, 'wx', 0o600)
  const abort = () => plain.destroy(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  let sizeBytes = 0
  const write = async (bytes: Buffer) => {
    encSha256.update(bytes)
    await file.appendFile(bytes)
  }
  try {
    signal.throwIfAborted()
    for await (const piece of plain) {
      const bytes = Buffer.from(piece)
      sizeBytes += bytes.length
      if (sizeBytes > MAX_MEDIA_BYTES) throw new MediaTooLarge(`media of more than ${MAX_MEDIA_BYTES} bytes`)
      sha256.update(bytes)
      const sealed = cipher.update(bytes)
      mac.update(sealed)
      await write(sealed)
    }
    const last = cipher.final()
    await write(last)
    await write(mac.update(last).digest().subarray(0, MAC_BYTES))
  } finally {
    signal.removeEventListener('abort', abort)
    plain.destroy()
    await file.close()
  }
  return { mediaKey, sha256: sha256.digest(), encSha256: encSha256.digest(), sizeBytes }
}
