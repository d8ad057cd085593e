import type { App } from '../../context.ts'
import { lockMessage } from '../../db/queries/messages.ts'
import { type ClaimedMessage, claimPending, postpone } from '../../db/queries/outbox.ts'
import { ApiError } from '../../errors.ts'
import { timeOf } from '../../ids.ts'
import { messageSent } from '../../telemetry/spans.ts'
import { detached } from '../../telemetry/trace.ts'
import type { SendOutcome } from '../../whatsapp/whatsapp.ts'
import { carry } from './carry.ts'
import { changeRow } from './change-row.ts'
import type { StatusChange } from './change-status.ts'
import type { Lane, Way } from './lanes.ts'
import { stepText } from './trail.ts'

/** WhatsApp is given this long for its ack; then the same message, with the same id, goes out again. */
export const ACK_WITHIN_MS = 30_000
/** What one statement takes: with more of them it would hold the database up. */
export const CLAIM_MAX = 20
const RETRY_AFTER_MS = 5_000
const RETRY_AFTER_MAX_MS = 60_000
/** Tries in a row that could not be written; beyond them the message holds up its chat for nothing. */
const FAILED_TRIES_MAX = 20

/**
 * The only way of a message to the network: claim, carry, record. Called after an accept, when an instance comes
 * online, and by the clock. Resolves when nothing is left to claim and nothing is being written.
 */
export function dispatchPending(app: App, instanceId: string): Promise<void> {
  const lane = app.lanes.of(instanceId)
  lane.ask()
  lane.running ??= detached(() => dispatch(app, instanceId, lane)).finally(() => {
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
      const way = app.lanes.wayOf(instanceId)
      if (way === null) continue
      const send = (message: ClaimedMessage) => sendOne(app, { instanceId, way, message })
      const claimed = await claim(app, { instanceId, way, lane })
      for (const message of claimed) {
        if (lane.isBroken(message.chat)) await putOff(app, instanceId, message)
        else track(chats, { app, instanceId, way, chat: lane.enqueue(message, send) })
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
  way: Way
  /** Null: an earlier one tracks it. */
  chat: Promise<void> | null
}

function track(chats: Set<Promise<void>>, { app, instanceId, way, ...of }: Tracked): void {
  const chat = of.chat
    // The row stays pending and leased: it is claimed again when the lease is over.
    ?.catch(cause => app.log.error({ err: cause, instanceId }, 'messages of a chat could not be dispatched'))
    .finally(() => {
      chats.delete(chat!)
      // The next connection made due what was being tried on this one, and could not have it claimed.
      if (app.lanes.wayOf(instanceId)?.connection !== way.connection) app.lanes.of(instanceId).ask()
    })
  if (chat) chats.add(chat)
}

async function claim(
  app: App,
  { instanceId, way, lane }: { instanceId: string; way: Way; lane: Lane },
): Promise<ClaimedMessage[]> {
  const nowMs = app.clock.nowMs()
  lane.forgetWritten(nowMs - ACK_WITHIN_MS)
  lane.beginClaim()
  const limit = Math.min(CLAIM_MAX, lane.room)
  if (limit <= 0) return []
  const now = new Date(nowMs)
  return claimPending(app.db.sql, {
    instanceId,
    now,
    leaseUntil: new Date(nowMs + ACK_WITHIN_MS),
    inFlight: lane.inFlight,
    limit,
    epoch: way.epoch,
    step: stepText({ kind: 'dispatched', at: now, node: app.node.id }),
  })
}

interface Sending {
  instanceId: string
  way: Way
  message: ClaimedMessage
}

/** Whether the next message of the chat may follow. When it may not, this one and the later ones are left to be claimed again. */
async function sendOne(app: App, { instanceId, way, message }: Sending): Promise<boolean> {
  const outcome = await messageSent(tracedOf(app, instanceId, message), () => {
    const carried = carry(app, { instanceId, connection: way.connection, message })
    return carried.catch(cause => unforeseen(app, { instanceId, message, cause }))
  })
  switch (outcome.kind) {
    case 'written':
      app.lanes.written(instanceId, message.id, app.clock.nowMs())
      if (message.actionOf === null) app.metrics.messages.written(app.clock.nowMs() - timeOf(message.id))
      // WhatsApp acks no receipt of ours under the id of a message.
      if (message.type === 'read') await end(app, { instanceId, message, change: { status: 'sent' } })
      return true
    case 'rejected':
      await end(app, { instanceId, message, change: failed(outcome) })
      return true
    case 'not_connected':
      // It stays pending; the next connection makes it due at once.
      return false
    case 'failed':
      return retry(app, { instanceId, message, reason: outcome.message })
  }
}

const tracedOf = ({ clock, node }: App, instanceId: string, message: ClaimedMessage) => ({
  instanceId,
  messageId: message.id,
  node: node.id,
  trace: message.trace,
  waitedMs: clock.nowMs() - message.dueAt.getTime(),
  attempt: message.attempts,
})

/** What throws would throw again at each claim, and hold up its chat until it expires: its tries are counted, too. */
function unforeseen(
  app: App,
  { instanceId, message, cause }: { instanceId: string; message: ClaimedMessage; cause: unknown },
): SendOutcome {
  // The database is away: nothing is the message's fault.
  if (cause instanceof ApiError) throw cause
  app.log.error({ err: cause, instanceId, messageId: message.id }, 'a message could not be carried')
  return { kind: 'failed', message: 'It could not be carried.' }
}

async function retry(
  app: App,
  { instanceId, message, reason }: { instanceId: string; message: ClaimedMessage; reason: string },
): Promise<boolean> {
  const { id: messageId } = message
  const failures = app.lanes.failed(messageId)
  app.log.warn({ instanceId, messageId, failures, reason }, 'message not written, will be tried again')
  if (failures < FAILED_TRIES_MAX) {
    await putOff(app, instanceId, message)
    return false
  }
  const error = { code: 'not_sent', message: `It could not be sent in ${failures} tries.` }
  await end(app, { instanceId, message, change: { status: 'failed', error } })
  return true
}

const failed = ({ code, message }: Extract<SendOutcome, { kind: 'rejected' }>): StatusChange => ({
  status: 'failed',
  error: { code, message },
})

/** The message and all later ones of its chat: none may overtake it. */
function putOff(app: App, instanceId: string, message: ClaimedMessage): Promise<void> {
  app.lanes.landed(instanceId, message.id)
  const pauseMs = Math.min(RETRY_AFTER_MS * Math.max(1, message.attempts), RETRY_AFTER_MAX_MS)
  const now = app.clock.now()
  const until = new Date(now.getTime() + pauseMs)
  const step = stepText({ kind: 'postponed', at: now, node: app.node.id })
  return postpone(app.db.sql, { instanceId, chat: message.chat, from: message.id, until, step })
}

const end = (
  app: App,
  { instanceId, message, change }: { instanceId: string; message: ClaimedMessage; change: StatusChange },
): Promise<void> => changeRow(app, { find: async sql => [await lockMessage(sql, instanceId, message.id)], change })
