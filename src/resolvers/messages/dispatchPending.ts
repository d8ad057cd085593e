import type { App } from '../../context.ts'
import { type ClaimedMessage, claimPending, lockSent, postpone } from '../../db/queries/messages.ts'
import { payloadPlace } from '../../db/vault.ts'
import type { SendOutcome } from '../../whatsapp/whatsapp.ts'
import { changeStatus } from './change-status.ts'
import type { Lane } from './lanes.ts'
import type { MessageError } from './shape.ts'

/** WhatsApp is given this long for its ack; then the same message, with the same id, goes out again. */
export const ACK_WITHIN_MS = 30_000
const CLAIM_MAX = 50
const RETRY_AFTER_MS = 5_000

/**
 * The only way of a message to the network: claim, carry, record. Called after an accept, when an instance comes
 * online, and by the clock. Resolves when nothing is left to claim and nothing is being written.
 */
export function dispatchPending(app: App, instanceId: string): Promise<void> {
  const lane = app.lanes.of(instanceId)
  lane.ask()
  lane.running ??= dispatch(app, instanceId, lane).finally(() => {
    lane.running = null
    app.lanes.release(instanceId)
  })
  return lane.running
}

async function dispatch(app: App, instanceId: string, lane: Lane): Promise<void> {
  const chats = new Set<Promise<void>>()
  const send = (message: ClaimedMessage) => sendOne(app, instanceId, message)
  for (;;) {
    if (lane.takeAsk()) {
      const claimed = await claim(app, instanceId, lane)
      for (const message of claimed) {
        const chat = lane
          .enqueue(message, send)
          // The row stays pending and leased: it is claimed again when the lease is over.
          ?.catch(cause => app.log.error({ err: cause, instanceId }, 'messages of a chat could not be dispatched'))
          .finally(() => chats.delete(chat!))
        if (chat) chats.add(chat)
      }
      if (claimed.length === CLAIM_MAX) lane.ask()
    } else if (chats.size === 0) return
    // What is accepted while a slow chat is being written does not wait for that chat.
    else await Promise.race([...chats, lane.nextAsk()])
  }
}

async function claim(app: App, instanceId: string, lane: Lane): Promise<ClaimedMessage[]> {
  const nowMs = app.clock.nowMs()
  lane.forgetWritten(nowMs - ACK_WITHIN_MS)
  const limit = Math.min(CLAIM_MAX, lane.room)
  if (limit <= 0) return []
  return claimPending(app.db.sql, {
    instanceId,
    now: new Date(nowMs),
    leaseUntil: new Date(nowMs + ACK_WITHIN_MS),
    inFlight: lane.inFlight,
    limit,
  })
}

/** Whether the next message of the chat may follow. */
async function sendOne(app: App, instanceId: string, message: ClaimedMessage): Promise<boolean> {
  const lane = app.lanes.of(instanceId)
  const outcome = await carry(app, instanceId, message)
  switch (outcome.kind) {
    case 'written':
      lane.written(message.id, app.clock.nowMs())
      return true
    case 'rejected':
      await fail(app, instanceId, message, { code: outcome.code, message: outcome.message })
      return true
    case 'not_connected':
      // It stays pending; the next `connected` makes it due at once.
      lane.landed(message.id)
      return false
    case 'failed':
      app.log.warn(
        { instanceId, messageId: message.id, reason: outcome.message },
        'message not written, will be tried again',
      )
      lane.landed(message.id)
      await postpone(app.db.sql, {
        instanceId,
        chatId: message.chatId,
        from: message.id,
        until: new Date(app.clock.nowMs() + RETRY_AFTER_MS),
      })
      return false
  }
}

async function carry(app: App, instanceId: string, message: ClaimedMessage): Promise<SendOutcome> {
  const payload = app.secrets.open(message.payload, payloadPlace(message.id))
  return app.whatsapp.send(instanceId, { whatsappId: message.whatsappId, chat: message.chatId, payload })
}

async function fail(app: App, instanceId: string, message: ClaimedMessage, error: MessageError): Promise<void> {
  app.lanes.landed(instanceId, message.id)
  const event = await app.db.transaction(async sql => {
    const [row] = await lockSent(sql, instanceId, [message.whatsappId])
    return row ? changeStatus(sql, app, { row, status: 'failed', error }) : null
  })
  if (event) app.bus.publish(event)
}
