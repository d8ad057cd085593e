import type { App } from '../../context.ts'
import type { InboundMessage } from '../../whatsapp/whatsapp.ts'
import { fetchSoon } from '../media/fetchMediaDue.ts'
import { inInbox } from './in-inbox.ts'
import { storeInbound } from './store-inbound.ts'

/** The message, its media, its event and the end of its inbox row: a crash leaves all or none. */
export async function onMessage(app: App, instanceId: string, inbound: InboundMessage): Promise<void> {
  let download = false
  await inInbox(app, { instanceId, inbound }, (sql, place) => {
    download = place.instance.downloadMedia && 'media' in inbound.content
    return storeInbound(sql, app, { inbound, place })
  })
  if (download) fetchSoon(app)
}
