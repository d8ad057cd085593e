import type { App } from '../../context.ts'
import { lockSent, type MessageRow, recordReceipt } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import { type HouseEvent, messageRead } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { receiptHeard } from '../../telemetry/spans.ts'
import type { AnswerNews } from '../../whatsapp/whatsapp.ts'
import { changeRow } from './change-row.ts'
import { changeStatus } from './change-status.ts'
import { personOf } from './person.ts'
import { refusal } from './refusal.ts'
import { settled } from './settled.ts'
import { storedMessage } from './stored.ts'

type Receipt = Extract<AnswerNews, { kind: 'receipt' }>
type Ack = Extract<AnswerNews, { kind: 'ack' }>

/** What one answer means, whatever it is about: in a transaction of its own, under a lock from the first look on. */
export const answerOne = (app: App, instanceId: string, answer: AnswerNews): Promise<void> =>
  answer.kind === 'ack' ? acked(app, instanceId, answer) : received(app, instanceId, answer)

/** WhatsApp has the message, or refuses it. */
async function acked(app: App, instanceId: string, { whatsappId, errorCode }: Ack): Promise<void> {
  await changeRow(app, {
    find: sql => lockSent(sql, instanceId, [whatsappId]),
    change: errorCode === null ? { status: 'sent' as const } : { status: 'failed' as const, error: refusal(errorCode) },
  })
}

/** A phone has the message, or somebody read it: which also proves that WhatsApp had it. */
async function received(app: App, instanceId: string, news: Receipt): Promise<void> {
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

async function receive(sql: Sql, app: App, { row, news }: { row: MessageRow; news: Receipt }): Promise<HouseEvent[]> {
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
