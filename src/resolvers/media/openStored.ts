import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { App } from '../../context.ts'
import { findMediaOf, type MediaRow } from '../../db/queries/media.ts'
import { notFound, unavailable } from '../../errors.ts'
import { fetchInbound } from './fetchInbound.ts'
import { UNKNOWN } from './sniff.ts'

/** The bytes of one file, and what is sure of them. */
export interface OpenedMedia {
  mediaId: string
  /** As they say themselves. */
  mimeType: string
  sizeBytes: number
  /** Hex. */
  sha256: string
  filename: string | null
  /** `range` is inclusive. */
  open(range?: { start: number; end: number }): Promise<Readable>
}

/** How long a reader waits for WhatsApp; the fetch goes on without them. */
const WAIT_MS = 20_000

/** Of an instance that the caller has, or may work for. What is not here yet is fetched from WhatsApp first. */
export async function openStored(app: App, at: { instanceId: string; mediaId: string }): Promise<OpenedMedia> {
  let row = await findMediaOf(app.db.sql, at)
  if (row && row.storageKey === null && row.failure === null) {
    await arrived(app, at)
    row = await findMediaOf(app.db.sql, at)
  }
  if (!row) throw notFound('media')
  if (row.storageKey === null) throw notFound('media content')
  return opened(app, row, row.storageKey)
}

async function arrived(app: App, at: { instanceId: string; mediaId: string }): Promise<void> {
  const fetching = fetchInbound(app, at)
  const patience = new AbortController()
  const late = sleep(WAIT_MS, 'late', { signal: patience.signal }).catch(() => 'late')
  const first = await Promise.race([fetching, late]).finally(() => patience.abort())
  if (first !== 'late') return
  app.background(
    'fetch media',
    fetching.catch(() => {}),
  )
  throw unavailable('WhatsApp takes long to give this file: try again')
}

const opened = (app: App, row: MediaRow, storageKey: string): OpenedMedia => ({
  mediaId: row.id,
  mimeType: row.sniffedType ?? UNKNOWN,
  sizeBytes: row.sizeBytes,
  sha256: row.sha256!.toString('hex'),
  filename: row.filename,
  async open(range) {
    const bytes = await app.storage.open(storageKey, range)
    // Deleted since the row was read.
    if (!bytes) throw notFound('media content')
    return bytes
  },
})
