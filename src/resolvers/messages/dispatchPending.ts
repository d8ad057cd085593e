import type { App } from '../../context.ts'
import { type ClaimedMessage, claimPending, lockSent, postpone } from '../../db/queries/messages.ts'
import { payloadPlace } from '../../db/vault.ts'
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
    // Asked for after the last look, and before this: nobody else would begin it.
    if (lane.asked) app.background('dispatch', dispatchPending(app, instanceId))
    else app.lanes.release(instanceId)
  })
  return lane.running
}

async function dispatch(app: App, instanceId: string, lane: Lane): Promise<void> {
  const chats = new Set<Promise<void>>()
  for (;;) {
    if (lane.takeAsk()) {
      const connection = app.lanes.connectionOf(instanceId)
      if (connection === null) continue
      const send = (message: ClaimedMessage) => sendOne(app, { instanceId, connection, message })
      const claimed = await claim(app, instanceId, lane)
      for (const message of claimed) {
        if (lane.isBroken(message.chatId)) await putOff(app, instanceId, message)
        else track(chats, { app, instanceId, connection, chat: lane.enqueue(message, send) })
      }
      if (claimed.length === CLAIM_MAX) lane.ask()
    } else if (chats.size === 0) return
    // What is accepted while a slow chat is being written does not wait for that chat.
    else await Promise.race([...chats, lane.nextAsk()])
  }
}

interface Tracked {
  app: App
  instanceId: string
  connection: number
  /** Null: an earlier one tracks it. */
  chat: Promise<void> | null
}

function track(chats: Set<Promise<void>>, { app, instanceId, connection, ...of }: Tracked): void {
  const chat = of.chat
    // The row stays pending and leased: it is claimed again when the lease is over.
    ?.catch(cause => app.log.error({ err: cause, instanceId }, 'messages of a chat could not be dispatched'))
    .finally(() => {
      chats.delete(chat!)
      // The next connection made due what was being tried on this one, and could not have it claimed.
      if (app.lanes.connectionOf(instanceId) !== connection) app.lanes.of(instanceId).ask()
    })
  if (chat) chats.add(chat)
}

async function claim(app: App, instanceId: string, lane: Lane): Promise<ClaimedMessage[]> {
  const nowMs = app.clock.nowMs()
  lane.forgetWritten(nowMs - ACK_WITHIN_MS)
  lane.beginClaim()
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

interface Sending {
  instanceId: string
  connection: number
  message: ClaimedMessage
}

/** Whether the next message of the chat may follow. When it may not, this one and the later ones are left to be claimed again. */
async function sendOne(app: App, { instanceId, connection, message }: Sending): Promise<boolean> {
  const payload = app.secrets.open(message.payload, payloadPlace(message.id))
  const { whatsappId, chatId: chat } = message
  const outcome = await app.whatsapp.send(instanceId, { whatsappId, chat, payload, connection })
  switch (outcome.kind) {
    case 'written':
      app.lanes.of(instanceId).written(message.id, app.clock.nowMs())
      return true
    case 'rejected':
      await fail(app, instanceId, message, { code: outcome.code, message: outcome.message })
      return true
    case 'not_connected':
      // It stays pending; the next connection makes it due at once.
      return false
    case 'failed':
      app.log.warn(
        { instanceId, messageId: message.id, reason: outcome.message },
        'message not written, will be tried again',
      )
      await putOff(app, instanceId, message)
      return false
  }
}

/** The message and all later ones of its chat: none may overtake it. */
function putOff(app: App, instanceId: string, message: ClaimedMessage): Promise<void> {
  app.lanes.landed(instanceId, message.id)
  const until = new Date(app.clock.nowMs() + RETRY_AFTER_MS)
  return postpone(app.db.sql, { instanceId, chatId: message.chatId, from: message.id, until })
}

async function fail(app: App, instanceId: string, message: ClaimedMessage, error: MessageError): Promise<void> {
  app.lanes.landed(instanceId, message.id)
  const event = await app.db.transaction(async sql => {
    const [row] = await lockSent(sql, instanceId, [message.whatsappId])
    return row ? changeStatus(sql, app, { row, status: 'failed', error }) : null
  })
  if (event) app.bus.publish(event)
}
