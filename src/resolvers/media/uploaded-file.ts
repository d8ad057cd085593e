import type { Spooled } from './spool.ts'

/** A file that a caller has sent, all of it here and looked at: the value of the scalar `Upload`. */
export class UploadedFile {
  readonly sha256: string
  readonly filename: string | null
  /** As its bytes say. */
  readonly mimeType: string
  readonly sizeBytes: number
  readonly path: string

  constructor(spooled: Spooled, said: { filename: string | null; mimeType: string }) {
    this.sha256 = spooled.sha256
    this.sizeBytes = spooled.sizeBytes
    this.path = spooled.path
    this.filename = said.filename
    this.mimeType = said.mimeType
  }

  /** What tells one upload from another; where it lies does not. */
  toJSON(): object {
    const { sha256, filename, mimeType, sizeBytes } = this
    return { sha256, filename, mimeType, sizeBytes }
  }
}
