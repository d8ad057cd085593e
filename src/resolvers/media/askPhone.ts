import type { App } from '../../context.ts'
import { remotePlace } from '../../db/queries/media.ts'
import { findToFetch } from '../../db/queries/media-to-fetch.ts'
import type { PhoneAnswer } from '../../whatsapp/whatsapp.ts'

/** Asks the account's phone to put a file where it can be had. Null: there is nobody to ask, or no answer. */
export async function askPhone(app: App, instanceId: string, { mediaId }: { mediaId: string }): Promise<PhoneAnswer> {
  const media = await findToFetch(app.db.sql, { instanceId, mediaId })
  if (!media) return null
  const { whatsappId, chat, fromMe, sender } = media
  return app.whatsapp.askPhone(instanceId, {
    reference: app.secrets.open(media.remote, remotePlace(media.id)),
    key: { whatsappId, chat, fromMe, sender },
  })
}
