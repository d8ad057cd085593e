import type { App } from '../../context.ts'
import { messageById } from '../../db/queries/messages.ts'
import { type ClaimedMessage, keepPayload } from '../../db/queries/outbox.ts'
import { payloadPlace } from '../../db/vault.ts'
import type { SendOutcome } from '../../whatsapp/whatsapp.ts'
import { mediaToSend } from '../media/mediaToSend.ts'
import { extrasOf } from './extras.ts'
import { EXPIRED } from './failPending.ts'
import { storedMessage } from './stored.ts'

export interface Carried {
  instanceId: string
  connection: number
  message: ClaimedMessage
}

/** Hands one claimed row to WhatsApp: a message with its bytes, or word that one was read. */
export async function carry(app: App, { instanceId, connection, message }: Carried): Promise<SendOutcome> {
  if (message.type === 'read') return markRead(app, instanceId, message)
  const built = message.payload
    ? { kind: 'composed' as const, payload: app.secrets.open(message.payload, payloadPlace(message.id)) }
    : await buildMedia(app, instanceId, message)
  if (built.kind !== 'composed') return built
  const { whatsappId, tenantId, to: chat } = message
  const { slots } = app.lanes
  await slots.take(tenantId, 1)
  try {
    // It may have waited its turn for long, and its media for longer.
    if (message.expiresAt <= app.clock.now()) return { kind: 'rejected', ...EXPIRED }
    return await app.whatsapp.send(instanceId, { whatsappId, chat, payload: built.payload, connection })
  } finally {
    slots.release(tenantId, 1)
  }
}

async function markRead(app: App, instanceId: string, message: ClaimedMessage): Promise<SendOutcome> {
  const target = await messageById(app.db.sql, instanceId, message.actionOf!)
  if (!target) return { kind: 'rejected', code: 'not_found', message: 'The message is gone.' }
  return app.whatsapp.markRead(instanceId, {
    chat: message.to,
    sender: target.sender,
    whatsappIds: [target.whatsappId],
  })
}

/** Media go to WhatsApp's host once: what comes of it is kept before the message goes out, and every later try is the same. */
async function buildMedia(app: App, instanceId: string, message: ClaimedMessage) {
  const row = await messageById(app.db.sql, instanceId, message.id)
  const media = row && (await mediaToSend(app, storedMessage(row)))
  if (!row || !media)
    return { kind: 'rejected' as const, code: 'media_gone', message: 'The media is not there any more.' }
  const built = await app.whatsapp.composeMedia(instanceId, media, await extrasOf(app, row))
  if (built.kind !== 'composed') return built
  app.metrics.work.carried('sent', media.sizeBytes)
  const payload = Buffer.from(app.secrets.seal(built.payload, payloadPlace(row.id)))
  const kept = await keepPayload(app.db.sql, { instanceId, id: row.id, payload })
  return kept ? built : { kind: 'failed' as const, message: 'The message was changed meanwhile.' }
}
