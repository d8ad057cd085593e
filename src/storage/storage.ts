/**
 * The face of the room: bytes under a key, on disk or in an S3 bucket. It knows no tenant, no kind of media and no
 * row; keys are ours (letters, digits, `_`, `-`, `/`), never a name that a caller chose.
 */
import type { Readable } from 'node:stream'

export interface Storage {
  /** Durable when it resolves; nothing is there under the key when it rejects, or when the process dies meanwhile. */
  put(key: string, bytes: Readable, options: { sizeBytes: number; mimeType: string }): Promise<void>
  /** Null: there is nothing under the key. `range` is inclusive. */
  open(key: string, range?: { start: number; end: number }): Promise<Readable | null>
  /** Nothing happens when there is none. */
  delete(key: string): Promise<void>
  close(): Promise<void>
}

const KEY = /^[A-Za-z0-9_-]+(\/[A-Za-z0-9_-]+)*$/
const KEY_MAX_LENGTH = 200

/** No dot, no way up, no absolute path: whatever asks, it stays below the folder. */
export function assertKey(key: string): string {
  if (key.length > KEY_MAX_LENGTH || !KEY.test(key)) throw new Error('that is no key of the storage')
  return key
}
