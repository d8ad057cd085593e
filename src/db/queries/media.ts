import type { Sql } from '../sql.ts'

export interface MediaRow {
  id: string
  instanceId: string
  messageId: string | null
  /** As it is told: of an upload what the bytes say, of what was received what its sender says. */
  mimeType: string
  /** As the bytes say; null while they are not here. */
  sniffedType: string | null
  sizeBytes: number
  sha256: Buffer | null
  filename: string | null
  seconds: number | null
  thumbnail: Buffer | null
  storageKey: string | null
  failure: string | null
  createdAt: Date
}

/** A column of 64 bits comes as text, and nothing here is that long. */
const COLUMNS = `id, instance_id as "instanceId", message_id as "messageId", mime_type as "mimeType",
  sniffed_type as "sniffedType", size_bytes::float8 as "sizeBytes", sha256, filename, seconds, thumbnail,
  storage_key as "storageKey", failure, created_at as "createdAt"`

/** Of an upload, whose bytes are stored. */
export interface NewMedia {
  id: string
  tenantId: string
  instanceId: string
  mimeType: string
  sniffedType: string
  sizeBytes: number
  sha256: Buffer
  filename: string | null
  seconds: number | null
  thumbnail: Buffer | null
  storageKey: string
  now: Date
}

export async function insertMedia(sql: Sql, media: NewMedia): Promise<MediaRow> {
  const [row] = await sql.query<MediaRow>(
    `insert into media (id, tenant_id, instance_id, mime_type, sniffed_type, size_bytes, sha256, filename, seconds,
       thumbnail, storage_key, created_at, stored_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12) returning ${COLUMNS}`,
    [
      media.id,
      media.tenantId,
      media.instanceId,
      media.mimeType,
      media.sniffedType,
      media.sizeBytes,
      media.sha256,
      media.filename,
      media.seconds,
      media.thumbnail,
      media.storageKey,
      media.now,
    ],
    'insert-media',
  )
  return row!
}

/** Announced by a message, and not here yet. */
export interface AnnouncedMedia {
  id: string
  tenantId: string
  instanceId: string
  messageId: string
  mimeType: string
  sizeBytes: number
  sha256: Uint8Array | null
  filename: string | null
  seconds: number | null
  thumbnail: Uint8Array | null
  /** Sealed with `remotePlace`. */
  remote: Buffer
  now: Date
}

/** With which `media.remote` is sealed. */
export const remotePlace = (mediaId: string): string => `media|${mediaId}|remote`

/** The tenant is that of the instance, and so is whether it is to be fetched at once. False: the instance is gone. */
export async function insertAnnounced(sql: Sql, media: AnnouncedMedia): Promise<boolean> {
  const rows = await sql.query(
    `insert into media (id, tenant_id, instance_id, message_id, mime_type, size_bytes, sha256, filename, seconds,
       thumbnail, remote, created_at, next_attempt_at)
     select $1, tenant_id, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, case when download_media then $11::timestamptz end
     from instance where tenant_id = $12 and id = $2 returning 1 as one`,
    [
      media.id,
      media.instanceId,
      media.messageId,
      media.mimeType,
      media.sizeBytes,
      media.sha256 && Buffer.from(media.sha256),
      media.filename,
      media.seconds,
      media.thumbnail && Buffer.from(media.thumbnail),
      media.remote,
      media.now,
      media.tenantId,
    ],
    'insert-announced-media',
  )
  return rows.length > 0
}

export async function findMedia(
  sql: Sql,
  at: { tenantId: string; instanceId: string; mediaId: string },
): Promise<MediaRow | null> {
  const [row] = await sql.query<MediaRow>(
    `select ${COLUMNS} from media where (tenant_id = $1) is not false and (instance_id = $2) is not false and id = $3`,
    [at.tenantId, at.instanceId, at.mediaId],
    'find-media',
  )
  return row ?? null
}

/** For callers that have looked up the instance before, and for the clock. */
export async function findMediaOf(sql: Sql, at: { instanceId: string; mediaId: string }): Promise<MediaRow | null> {
  const [row] = await sql.query<MediaRow>(
    `select ${COLUMNS} from media where (instance_id = $1) is not false and id = $2`,
    [at.instanceId, at.mediaId],
    'find-media-of',
  )
  return row ?? null
}

/** A key that was given away stays in the garbage until a row owns it. */
export async function insertGarbage(sql: Sql, storageKey: string, now: Date): Promise<void> {
  await sql.query(
    'insert into media_garbage (storage_key, created_at) values ($1, $2)',
    [storageKey, now],
    'insert-media-garbage',
  )
}

/** In the transaction of the row that owns the key. False: it has been swept. */
export async function claimStored(sql: Sql, storageKey: string): Promise<boolean> {
  const rows = await sql.query(
    `delete from media_garbage where storage_key = $1 and created_at > 'epoch' returning 1 as one`,
    [storageKey],
    'claim-stored-media',
  )
  return rows.length > 0
}

/** Before the instance's row goes, in its transaction: new rows wait for the lock, and then find no instance. */
export async function discardMediaOf(sql: Sql, at: { tenantId: string; instanceId: string; due: Date }): Promise<void> {
  await sql.query(
    'select 1 as one from instance where tenant_id = $1 and id = $2 for update',
    [at.tenantId, at.instanceId],
    'lock-instance',
  )
  await sql.query(
    `insert into media_garbage (storage_key, created_at)
     select storage_key, $3 from media where tenant_id = $1 and instance_id = $2 and storage_key is not null`,
    [at.tenantId, at.instanceId, at.due],
    'discard-media-of-instance',
  )
}

/** Nobody can claim these any more: their files may go. */
export async function condemnGarbage(sql: Sql, at: { before: Date; limit: number }): Promise<string[]> {
  const rows = await sql.query<{ storageKey: string }>(
    `update media_garbage set created_at = 'epoch' where storage_key in (
       select storage_key from media_garbage where created_at <= $1 order by created_at limit $2)
     returning storage_key as "storageKey"`,
    [at.before, at.limit],
    'condemn-media-garbage',
  )
  return rows.map(row => row.storageKey)
}

export async function dropGarbage(sql: Sql, storageKeys: string[]): Promise<void> {
  await sql.query('delete from media_garbage where storage_key = any($1)', [storageKeys], 'drop-media-garbage')
}
