import type { App } from '../../context.ts'
import { lockSent } from '../../db/queries/messages.ts'
import type { AckNews } from '../../whatsapp/whatsapp.ts'
import { changeStatus } from './change-status.ts'
import { refusal } from './refusal.ts'

/** WhatsApp has the message, or refuses it. The only way to `sent`, but for a receipt that proves the same. */
export async function onAck(app: App, instanceId: string, news: AckNews): Promise<void> {
  const event = await app.db.transaction(async sql => {
    const [row] = await lockSent(sql, instanceId, [news.whatsappId])
    const change =
      news.errorCode === null
        ? { status: 'sent' as const }
        : { status: 'failed' as const, error: refusal(news.errorCode) }
    return row ? changeStatus(sql, app, { row, ...change }) : null
  })
  if (!event) return
  app.lanes.landed(instanceId, event.about)
  app.bus.publish(event)
}
