import { type Context, tenantOf } from '../../context.ts'
import { findSender, type Sender } from '../../db/queries/instances.ts'
import { insertMessage, knownChatId, type MessageRow } from '../../db/queries/messages.ts'
import { payloadPlace } from '../../db/vault.ts'
import { notFound } from '../../errors.ts'
import type { Pending } from '../../events/bus.ts'
import { newId } from '../../ids.ts'
import type { OutboundContent } from '../../whatsapp/whatsapp.ts'
import { chatJid, phoneOf } from '../chats/chat-id.ts'
import { assertSendable } from '../instances/shape.ts'
import { dispatchPending } from './dispatchPending.ts'
import type { StoredMessage } from './shape.ts'
import { storedMessage } from './stored.ts'

const WAIT_MS = 2000
const LIFETIME_SECONDS = 86_400

export interface SendMessageArgs {
  instanceId: string
  input: { chatId: string; type: 'text'; content: { text?: string | null }; expiresIn?: number | null }
}

/**
 * Stored first, with the WhatsApp id that every try will carry; then handed on; then at most 2 s of waiting for
 * WhatsApp's ack. From the commit on, the message is a promise.
 */
export async function sendMessage(ctx: Context, args: SendMessageArgs): Promise<StoredMessage> {
  const tenantId = tenantOf(ctx)
  const { instanceId, input } = args
  const sender = await findSender(ctx.db.sql, tenantId, instanceId)
  if (!sender) throw notFound('instance')
  assertSendable(sender.state)

  const chatId = await knownChatId(ctx.db.sql, instanceId, chatJid(input.chatId)!)
  const { row, acked } = await ctx.lanes.inTurn(`${instanceId} ${chatId}`, () => accept(ctx, { args, sender, chatId }))
  try {
    if (!row) throw notFound('instance')
    ctx.background('dispatch', dispatchPending(ctx, instanceId))
    const event = await acked.event
    return event ? (event.subject as StoredMessage) : storedMessage(row)
  } finally {
    acked.cancel()
  }
}

interface Accepted {
  /** Null when the instance is gone. */
  row: MessageRow | null
  acked: Pending
}

async function accept(ctx: Context, of: { args: SendMessageArgs; sender: Sender; chatId: string }): Promise<Accepted> {
  const { args, sender, chatId } = of
  const content: OutboundContent = { type: 'text', text: args.input.content.text! }
  const id = newId('msg')
  const now = ctx.clock.now()
  const acked = ctx.bus.next(id, { accept: () => true, timeoutMs: WAIT_MS })
  try {
    const row = await insertMessage(ctx.db.sql, {
      id,
      instanceId: args.instanceId,
      whatsappId: ctx.whatsapp.newMessageId(args.instanceId),
      chatId,
      lid: chatId.endsWith('@lid') ? chatId : null,
      phoneNumber: phoneOf(chatId),
      sender: sender.phoneNumber ? `${sender.phoneNumber.slice(1)}@s.whatsapp.net` : '',
      direction: 'outbound',
      type: content.type,
      status: 'pending',
      content: { text: content.text },
      timestamp: now,
      payload: ctx.secrets.seal(ctx.whatsapp.compose(content), payloadPlace(id)),
      nextAttemptAt: now,
      expiresAt: new Date(now.getTime() + (args.input.expiresIn ?? LIFETIME_SECONDS) * 1000),
      createdAt: now,
    })
    return { row, acked }
  } catch (error) {
    acked.cancel()
    throw error
  }
}
