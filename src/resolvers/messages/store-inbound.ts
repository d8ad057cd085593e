import type { App } from '../../context.ts'
import { touchChat } from '../../db/queries/chats.ts'
import { hasMessage, idOfNamed, insertMessage } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import { type HouseEvent, messageCreated, messageReceived } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { newId } from '../../ids.ts'
import { activeTrace } from '../../telemetry/trace.ts'
import type { Inbound, InboundContent, InboundMessage } from '../../whatsapp/whatsapp.ts'
import { safeFilename } from '../media/filename.ts'
import { insertInboundMedia } from '../media/inbound.ts'
import type { Place } from './in-inbox.ts'
import { personOf } from './person.ts'
import type { MessageContent, StoredMessage } from './shape.ts'
import { keptContent, storedMessage } from './stored.ts'
import { stepText } from './trail.ts'

/** A message, or news about one that we do not have, which are then kept as a message of their own. */
export type Storable = Inbound & { content: InboundContent } & Partial<
    Pick<InboundMessage, 'quotedWhatsappId' | 'mentions'>
  >

/** No events when the message is there already. */
export async function storeInbound(
  sql: Sql,
  app: App,
  { inbound, place }: { inbound: Storable; place: Place },
): Promise<HouseEvent[]> {
  const { instanceId, instance, chat } = place
  const { sender, fromMe, whatsappId, timestamp, quotedWhatsappId } = inbound
  const id = newId('msg')
  const now = app.clock.now()
  const direction = fromMe ? 'outbound' : 'inbound'
  // Before its media get a record that nothing would name.
  if (await hasMessage(sql, { instanceId, chat: chat.id, whatsappId, direction })) return []
  const content = await contentOf(sql, app, { messageId: id, inbound, place })
  const row = await insertMessage(sql, {
    id,
    instanceId,
    whatsappId,
    chat: chat.id,
    sender: await personOf(sql, instanceId, sender),
    direction,
    ...keptContent(content),
    status: fromMe ? 'sent' : 'delivered',
    timestamp,
    createdAt: now,
    quotedMessageId: quotedWhatsappId
      ? await idOfNamed(sql, { instanceId, chat: chat.id, whatsappId: quotedWhatsappId })
      : null,
    mentions: inbound.mentions ?? [],
    mediaId: 'media' in content ? content.media.mediaId : null,
    raw: instance.emitRaw ? inbound.raw : null,
    trail: wayIn(app, inbound, now),
    trace: activeTrace(),
  })
  if (!row) return []
  await touchChat(sql, { instanceId, chat: chat.id, at: timestamp, direction })
  return [await told(sql, app, { message: storedMessage(row), raw: instance.emitRaw ? inbound.raw : null })]
}

/** The one who got it may be another than the one who stores it. */
function wayIn({ node }: App, { received }: Storable, now: Date): string {
  const stored = stepText({ kind: 'stored', at: now, node: node.id })
  return received?.node ? stepText({ kind: 'received', at: received.at, node: received.node }) + stored : stored
}

async function contentOf(
  sql: Sql,
  app: App,
  { messageId, inbound: { content }, place }: { messageId: string; inbound: Storable; place: Place },
): Promise<MessageContent> {
  if (!('media' in content)) return content
  const { instanceId } = place
  const { tenantId } = place.instance
  const media = await insertInboundMedia(sql, app, { instanceId, tenantId, messageId, media: content.media })
  if (content.type === 'audio') return { type: 'audio', media, caption: null, ptt: content.ptt }
  const caption = 'caption' in content ? content.caption : null
  if (content.type === 'document') {
    return { type: 'document', media, caption, filename: safeFilename(content.media.filename) }
  }
  return { type: content.type, media, caption }
}

function told(
  sql: Sql,
  app: App,
  { message, raw }: { message: StoredMessage; raw: Record<string, unknown> | null },
): Promise<HouseEvent> {
  const { publicUrl } = app.config
  const of = { tenantId: message.tenantId, instanceId: message.instanceId, about: message.id, subject: message }
  return message.direction === 'outbound'
    ? record(sql, app.clock, { ...of, type: 'message.created', data: messageCreated(message, publicUrl) })
    : record(sql, app.clock, { ...of, type: 'message.received', data: messageReceived(message, publicUrl, raw) })
}
