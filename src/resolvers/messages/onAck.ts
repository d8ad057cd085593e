import type { App } from '../../context.ts'
import { lockSent } from '../../db/queries/messages.ts'
import type { AckNews } from '../../whatsapp/whatsapp.ts'
import { changeRow } from './change-row.ts'
import { refusal } from './refusal.ts'

/** WhatsApp has the message, or refuses it. The only way to `sent`, but for a receipt that proves the same. */
export async function onAck(app: App, instanceId: string, news: AckNews): Promise<void> {
  await changeRow(app, {
    find: sql => lockSent(sql, instanceId, [news.whatsappId]),
    change:
      news.errorCode === null
        ? { status: 'sent' as const }
        : { status: 'failed' as const, error: refusal(news.errorCode) },
  })
}
