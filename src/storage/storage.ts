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
