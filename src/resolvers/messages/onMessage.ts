import type { App } from '../../context.ts'
import { settleInbox } from '../../db/queries/inbox.ts'
import { insertMessage } from '../../db/queries/messages.ts'
import { messageReceived } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { newId } from '../../ids.ts'
import type { InboundMessage } from '../../whatsapp/whatsapp.ts'
import { phoneOf } from '../chats/chat-id.ts'
import { storedMessage } from './stored.ts'

/** The message, its event and the end of its inbox row: one transaction, so that a crash leaves all or none. */
export async function onMessage(app: App, instanceId: string, inbound: InboundMessage): Promise<void> {
  const { type, ...content } = inbound.content
  const { chat, sender } = inbound
  const event = await app.db.transaction(async sql => {
    const row = await insertMessage(sql, {
      id: newId('msg'),
      instanceId,
      whatsappId: inbound.whatsappId,
      chatId: chat.phone ?? chat.jid,
      lid: chat.lid,
      phoneNumber: chat.phone && phoneOf(chat.phone),
      sender: sender.phone ?? sender.jid,
      direction: inbound.fromMe ? 'outbound' : 'inbound',
      type,
      status: inbound.fromMe ? 'sent' : 'delivered',
      content,
      timestamp: inbound.timestamp,
      payload: null,
      nextAttemptAt: null,
      expiresAt: null,
      createdAt: app.clock.now(),
    })
    await settleInbox(sql, instanceId, [inbound.inboxKey], app.clock.now())
    if (!row || row.direction === 'outbound') return null
    const message = storedMessage(row)
    return record(sql, app.clock, {
      type: 'message.received',
      tenantId: message.tenantId,
      instanceId,
      about: message.id,
      data: messageReceived(message),
      subject: message,
    })
  })
  if (event) app.bus.publish(event)
}
