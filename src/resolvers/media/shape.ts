import type { MediaRow } from '../../db/queries/media.ts'

/** Media as the house shows it: all but where the bytes are. */
export interface StoredMedia {
  id: string
  instanceId: string
  messageId: string | null
  mimeType: string
  sizeBytes: number
  /** Hex; null while the bytes are not here. */
  sha256: string | null
  filename: string | null
  seconds: number | null
  isStored: boolean
  createdAt: Date
}

export const shown = (row: MediaRow): StoredMedia => ({
  id: row.id,
  instanceId: row.instanceId,
  messageId: row.messageId,
  mimeType: row.mimeType,
  sizeBytes: row.sizeBytes,
  sha256: row.storageKey === null ? null : (row.sha256?.toString('hex') ?? null),
  filename: row.filename,
  seconds: row.seconds,
  isStored: row.storageKey !== null,
  createdAt: row.createdAt,
})
