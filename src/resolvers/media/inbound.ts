import type { App } from '../../context.ts'
import { insertAnnounced, remotePlace } from '../../db/queries/media.ts'
import type { Sql } from '../../db/sql.ts'
import { newId } from '../../ids.ts'
import type { InboundMedia } from '../../whatsapp/whatsapp.ts'
import type { MediaRef } from '../messages/shape.ts'
import { safeFilename } from './filename.ts'
import { announcedType } from './sniff.ts'

/** What a message announces, before its bytes are here. */
export interface Announcement {
  tenantId: string
  instanceId: string
  messageId: string
  media: InboundMedia
}

const SIZE_MAX_BYTES = 2_147_483_647
const THUMBNAIL_MAX_BYTES = 65_536

/** A media record in the transaction of its message. Nothing that a sender says is taken as it comes. */
export async function insertInboundMedia(
  sql: Sql,
  app: App,
  { tenantId, instanceId, messageId, media }: Announcement,
): Promise<MediaRef> {
  const mediaId = newId('med')
  const mimeType = announcedType(media.mimeType)
  const sizeBytes = wholeNumber(media.sizeBytes, SIZE_MAX_BYTES) ?? 0
  await insertAnnounced(sql, {
    id: mediaId,
    tenantId,
    instanceId,
    messageId,
    mimeType,
    sizeBytes,
    sha256: media.sha256?.length === 32 ? media.sha256 : null,
    filename: safeFilename(media.filename),
    seconds: wholeNumber(media.seconds, SIZE_MAX_BYTES),
    thumbnail: media.thumbnail && media.thumbnail.length <= THUMBNAIL_MAX_BYTES ? media.thumbnail : null,
    remote: app.secrets.seal(media.reference, remotePlace(mediaId)),
    now: app.clock.now(),
  })
  return { mediaId, mimeType, sizeBytes }
}

function wholeNumber(value: number | null, max: number): number | null {
  if (value === null || !(value >= 0)) return null
  return Math.min(Math.round(value), max)
}
