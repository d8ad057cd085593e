import { type Context, tenantOf } from '../../context.ts'
import { findWay } from '../../db/queries/accepts.ts'
import { findChat } from '../../db/queries/chats.ts'
import { invalid, notFound } from '../../errors.ts'
import { chatJid } from '../chats/chat-id.ts'
import { assertSendable } from '../instances/shape.ts'
import { accept, type Draft } from './accept.ts'
import { type ContentInput, prepare, type SendableType } from './content.ts'
import { dispatchSoon } from './dispatchSoon.ts'
import { extrasOf } from './extras.ts'
import type { StoredMessage } from './shape.ts'
import { waitForAnswer } from './wait-for-answer.ts'

export interface SendMessageArgs {
  instanceId: string
  input: {
    chatId: string
    type: SendableType
    content: ContentInput
    quotedMessageId?: string | null
    mentions?: string[] | null
    expiresIn?: number | null
  }
}

/**
 * Stored and counted first, with the WhatsApp id that every try will carry; then handed on; then at most 2 s of waiting
 * for WhatsApp's ack. From the commit on, the message is a promise.
 */
export async function sendMessage(ctx: Context, args: SendMessageArgs): Promise<StoredMessage> {
  const draft = await drafted(ctx, args)
  const { instanceId } = args
  // By its name first: the first ones to somebody new, who has no chat yet, wait for each other, and later ones for them.
  const { made, acked } = await ctx.lanes.inTurn(`${instanceId} ${draft.jid}`, async () => {
    const chat = draft.chat ?? (await findChat(ctx.db.sql, instanceId, draft.jid))
    return chat
      ? ctx.lanes.inTurn(`${instanceId} ${chat.id}`, () => accept(ctx, { ...draft, chat }))
      : accept(ctx, draft)
  })
  ctx.bus.publish(made)
  try {
    dispatchSoon(ctx, instanceId)
    const event = await waitForAnswer(ctx, { instanceId, answer: acked.event, cancel: acked.cancel })
    return event ? (event.subject as StoredMessage) : made.subject
  } finally {
    acked.cancel()
  }
}

async function drafted(ctx: Context, args: SendMessageArgs): Promise<Draft> {
  const tenantId = tenantOf(ctx)
  const { instanceId, input } = args
  const jid = chatJid(input.chatId)!
  const way = await findWay(ctx.db.sql, { tenantId, instanceId, jid })
  if (!way) throw notFound('instance')
  assertSendable(way.state)
  const prepared = await prepare(ctx, { instanceId, type: input.type, content: input.content })
  const quotedMessageId = input.quotedMessageId ?? null
  const mentions = (input.mentions ?? []).map(each => chatJid(each)!)
  const extras = await extrasOf(ctx, { tenantId, instanceId, quotedMessageId, mentions })
  if (quotedMessageId && !extras.quoted) throw invalid({ quotedMessageId: 'is not a message of this instance' })
  return { ...prepared, args, tenantId, sender: way, chat: way.chat, jid, mentions, extras }
}
