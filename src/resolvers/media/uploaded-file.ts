import type { Spooled } from './spool.ts'

/**
 * A file that a caller has sent, all of it here and looked at: the value of the scalar `Upload`. Its fields are what
 * tells one upload from another; where it lies is none of them.
 */
export class UploadedFile {
  readonly sha256: string
  readonly filename: string | null
  /** As its bytes say. */
  readonly mimeType: string
  readonly sizeBytes: number
  readonly #path: string

  constructor(spooled: Spooled, said: { filename: string | null; mimeType: string }) {
    this.sha256 = spooled.sha256
    this.sizeBytes = spooled.sizeBytes
    this.filename = said.filename
    this.mimeType = said.mimeType
    this.#path = spooled.path
  }

  get path(): string {
    return this.#path
  }
}
