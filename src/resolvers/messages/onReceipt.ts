import type { App } from '../../context.ts'
import { lockSent, type MessageRow, recordReceipt } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import { type HouseEvent, messageRead } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { receiptHeard } from '../../telemetry/spans.ts'
import type { ReceiptNews } from '../../whatsapp/whatsapp.ts'
import { changeStatus } from './change-status.ts'
import { personOf } from './person.ts'
import { settled } from './settled.ts'
import { storedMessage } from './stored.ts'

/** A phone has the message, or somebody read it: which also proves that WhatsApp had it. */
export async function onReceipt(app: App, instanceId: string, news: ReceiptNews): Promise<void> {
  const { rows, events } = await app.db.transaction(async sql => {
    const rows = await lockSent(sql, instanceId, news.whatsappIds)
    const events: HouseEvent[] = []
    for (const row of rows) {
      const { id: messageId, trace } = row
      const of = { instanceId, messageId, node: app.node.id, trace, status: news.status }
      events.push(...(await receiptHeard(of, () => receive(sql, app, { row, news }))))
    }
    return { rows, events }
  })
  for (const row of rows) settled(app, row)
  app.bus.publish(...events)
}

async function receive(
  sql: Sql,
  app: App,
  { row, news }: { row: MessageRow; news: ReceiptNews },
): Promise<HouseEvent[]> {
  const reader = await personOf(sql, row.instanceId, news.reader)
  const isGroup = row.chatId.endsWith('@g.us')
  const { status, timestamp: at } = news
  const isNews =
    isGroup && !row.actionOf
      ? await recordReceipt(sql, { messageId: row.id, instanceId: row.instanceId, reader, status, at })
      : row.status !== 'read' && row.status !== 'failed'
  // In a group the first who goes further takes the message along.
  const events = await changeStatus(sql, app, { row, status })
  if (status !== 'read' || !isNews || row.actionOf) return events
  const message = storedMessage({ ...row, status: 'read' })
  const read = await record(sql, app.clock, {
    type: 'message.read',
    tenantId: row.tenantId,
    instanceId: row.instanceId,
    about: row.id,
    data: messageRead(message, reader),
    subject: message,
  })
  return [...events, read]
}
