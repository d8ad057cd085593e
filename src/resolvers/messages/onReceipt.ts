import type { App } from '../../context.ts'
import { lockSent } from '../../db/queries/messages.ts'
import type { HouseEvent } from '../../events/catalogue.ts'
import type { ReceiptNews } from '../../whatsapp/whatsapp.ts'
import { changeStatus } from './change-status.ts'

/** A phone has the message, or somebody read it: which also proves that WhatsApp had it. */
export async function onReceipt(app: App, instanceId: string, news: ReceiptNews): Promise<void> {
  const events = await app.db.transaction(async sql => {
    const changed: (HouseEvent | null)[] = []
    for (const row of await lockSent(sql, instanceId, news.whatsappIds)) {
      changed.push(await changeStatus(sql, app, { row, status: news.status }))
    }
    return changed
  })
  for (const event of events) {
    if (!event) continue
    app.lanes.landed(instanceId, event.about)
    app.bus.publish(event)
  }
}
