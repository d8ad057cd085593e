import { type Context, tenantOf } from '../../context.ts'
import { findInstanceFacts, findSender } from '../../db/queries/instances.ts'
import { findMessage, insertMessage, type MessageRow } from '../../db/queries/messages.ts'
import { countWaiting } from '../../db/queries/waiting.ts'
import { payloadPlace } from '../../db/vault.ts'
import { notFound, queueFull } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { messageAccepted } from '../../telemetry/spans.ts'
import { activeTrace } from '../../telemetry/trace.ts'
import type { OutboundContent } from '../../whatsapp/whatsapp.ts'
import { assertSendable } from '../instances/shape.ts'
import { LIFETIME_SECONDS } from './accept.ts'
import type { Action } from './apply-action.ts'
import { dispatchSoon } from './dispatchSoon.ts'
import type { StoredMessage } from './shape.ts'
import { storedMessage } from './stored.ts'
import { waitForAnswer, waitMs } from './wait-for-answer.ts'

export interface Acting {
  instanceId: string
  messageId: string
  /** Rejects when this cannot be done to the message. */
  allow: (target: MessageRow) => void
  action: (target: MessageRow) => Action
  /** What WhatsApp is told; null: by other means than a message. */
  outbound: (target: MessageRow) => OutboundContent | null
  /** When it is of no use any more; after 24 hours, when left out. */
  until?: (target: MessageRow) => Date
}

/**
 * Something is to be done to a message: stored like a message of its own, so that it survives what messages survive and
 * goes out after what was accepted before it. Waits at most 2 s for WhatsApp; answers the message as it is then.
 */
export async function act(ctx: Context, { instanceId, messageId, ...acting }: Acting): Promise<StoredMessage> {
  const tenantId = tenantOf(ctx)
  const at = { tenantId, instanceId, messageId }
  const target = await findMessage(ctx.db.sql, at)
  if (!target) throw notFound('message')
  const sender = await findSender(ctx.db.sql, tenantId, instanceId)
  if (!sender) throw notFound('instance')
  acting.allow(target)
  assertSendable(sender.state)
  const jid = sender.phoneNumber ? `${sender.phoneNumber.slice(1)}@s.whatsapp.net` : ''
  await ctx.lanes
    .inTurn(`${instanceId} ${target.chat}`, async () => {
      const id = newId('msg')
      const settling = ctx.lanes.settling(id, waitMs(ctx, instanceId))
      try {
        await messageAccepted({ instanceId, messageId: id, node: ctx.node.id }, () =>
          store(ctx, { id, jid, target, ...acting }),
        )
      } catch (error) {
        settling.cancel()
        throw error
      }
      return settling
    })
    .then(settling => {
      dispatchSoon(ctx, instanceId)
      return waitForAnswer(ctx, { instanceId, answer: settling.done, cancel: settling.cancel })
    })
  return storedMessage((await findMessage(ctx.db.sql, at)) ?? target)
}

type Storing = Pick<Acting, 'action' | 'outbound' | 'until'> & { id: string; jid: string; target: MessageRow }

async function store(ctx: Context, { id, jid, target, action, outbound, until }: Storing): Promise<void> {
  const now = ctx.clock.now()
  const { type, ...content } = action(target)
  const told = outbound(target)
  await ctx.db.transaction(async sql => {
    if (!(await findInstanceFacts(sql, target.instanceId))) throw notFound('message')
    const row = await insertMessage(sql, {
      id,
      instanceId: target.instanceId,
      whatsappId: ctx.whatsapp.newMessageId(target.instanceId),
      chat: target.chat,
      sender: jid,
      direction: 'outbound',
      type,
      content,
      status: 'pending',
      timestamp: now,
      createdAt: now,
      actionOf: target.id,
      payload: told && ctx.secrets.seal(ctx.whatsapp.compose(told), payloadPlace(id)),
      nextAttemptAt: now,
      expiresAt: until?.(target) ?? new Date(now.getTime() + LIFETIME_SECONDS * 1000),
      trace: activeTrace(),
    })
    if (!row) throw notFound('message')
    const max = ctx.config.messagesWaitingMax
    if (!(await countWaiting(sql, { instanceId: target.instanceId, max }))) throw queueFull(max)
    await ctx.once?.keep(sql, storedMessage(target))
  })
}
