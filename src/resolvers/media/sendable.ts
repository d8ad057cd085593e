import type { App } from '../../context.ts'
import { findMediaOf } from '../../db/queries/media.ts'
import { invalid } from '../../errors.ts'
import type { OutboundMedia } from '../../whatsapp/whatsapp.ts'
import { openStored } from './openStored.ts'
import { fits, type SendableKind } from './sniff.ts'

export type SendableMedia = Omit<OutboundMedia, 'caption' | 'ptt'>

const FIELD = 'content.media.mediaId'

/** Media of an instance of the caller's, as `type` of message. 400 when it is not there or of another kind. */
export async function findSendable(
  app: App,
  { instanceId, mediaId, type }: { instanceId: string; mediaId: string; type: SendableKind },
): Promise<SendableMedia> {
  const at = { instanceId, mediaId }
  const row = await findMediaOf(app.db.sql, at)
  if (!row) throw invalid({ [FIELD]: 'is not the id of media of this instance' })
  if (row.storageKey === null && row.failure !== null) throw invalid({ [FIELD]: 'is media that is gone' })
  const mimeType = row.sniffedType ?? row.mimeType
  if (!fits(mimeType, type)) throw invalid({ [FIELD]: `is ${mimeType}, which cannot be sent as ${type}` })
  return {
    type,
    mimeType,
    sizeBytes: row.sizeBytes,
    filename: row.filename,
    seconds: row.seconds,
    thumbnail: row.thumbnail,
    open: async () => (await openStored(app, at)).open(),
  }
}
