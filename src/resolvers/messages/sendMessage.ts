import { type Context, tenantOf } from '../../context.ts'
import { chatOf, findChat } from '../../db/queries/chats.ts'
import { findSender, type Sender } from '../../db/queries/instances.ts'
import { insertMessage } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import { payloadPlace } from '../../db/vault.ts'
import { invalid, notFound } from '../../errors.ts'
import type { Pending } from '../../events/bus.ts'
import { type HouseEvent, messageCreated } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { newId } from '../../ids.ts'
import { reserve } from '../billing/quota.ts'
import { chatJid, namesOfJid } from '../chats/chat-id.ts'
import { assertSendable } from '../instances/shape.ts'
import { type ContentInput, type Prepared, prepare, type SendableType } from './content.ts'
import { dispatchPending } from './dispatchPending.ts'
import { extrasOf } from './extras.ts'
import { message } from './message.ts'
import type { StoredMessage } from './shape.ts'
import { keptContent, storedMessage } from './stored.ts'

export const WAIT_MS = 2000
export const LIFETIME_SECONDS = 86_400

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

interface Draft extends Prepared {
  args: SendMessageArgs
  tenantId: string
  sender: Sender
  /** Of the chat, as the caller named it. */
  jid: string
  mentions: string[]
}

/**
 * Stored and counted first, with the WhatsApp id that every try will carry; then handed on; then at most 2 s of waiting
 * for WhatsApp's ack. From the commit on, the message is a promise.
 */
export async function sendMessage(ctx: Context, args: SendMessageArgs): Promise<StoredMessage> {
  const draft = await drafted(ctx, args)
  const { instanceId } = args
  const known = await findChat(ctx.db.sql, instanceId, draft.jid)
  const { made, acked } = await ctx.lanes.inTurn(`${instanceId} ${known?.id ?? draft.jid}`, () => accept(ctx, draft))
  ctx.bus.publish(made)
  try {
    ctx.background('dispatch', dispatchPending(ctx, instanceId))
    const event = await acked.event
    return event ? (event.subject as StoredMessage) : made.subject
  } finally {
    acked.cancel()
  }
}

async function drafted(ctx: Context, args: SendMessageArgs): Promise<Draft> {
  const tenantId = tenantOf(ctx)
  const { instanceId, input } = args
  const sender = await findSender(ctx.db.sql, tenantId, instanceId)
  if (!sender) throw notFound('instance')
  assertSendable(sender.state)
  const prepared = await prepare(ctx, { instanceId, type: input.type, content: input.content })
  if (input.quotedMessageId) await assertQuotable(ctx, { instanceId, messageId: input.quotedMessageId })
  const mentions = (input.mentions ?? []).map(each => chatJid(each)!)
  return { ...prepared, args, tenantId, sender, jid: chatJid(input.chatId)!, mentions }
}

async function assertQuotable(ctx: Context, args: { instanceId: string; messageId: string }): Promise<void> {
  await message(ctx, args).catch(() => {
    throw invalid({ quotedMessageId: 'is not a message of this instance' })
  })
}

interface Accepted {
  made: HouseEvent<'message.created', StoredMessage>
  acked: Pending
}

async function accept(ctx: Context, draft: Draft): Promise<Accepted> {
  const id = newId('msg')
  const isAnswer = (event: HouseEvent) => event.type === 'message.status'
  const acked = ctx.bus.next(id, { accept: isAnswer, timeoutMs: WAIT_MS })
  try {
    return { made: await ctx.db.transaction(sql => store(sql, ctx, { ...draft, id })), acked }
  } catch (error) {
    acked.cancel()
    throw error
  }
}

/** All or nothing: the message, its event, the first answer to its Idempotency-Key, and its place in the quota. */
async function store(sql: Sql, ctx: Context, draft: Draft & { id: string }): Promise<Accepted['made']> {
  const { id, args, tenantId, jid, mediaId, mentions } = draft
  const { instanceId, input } = args
  const now = ctx.clock.now()
  const chat = await chatOf(sql, { instanceId, names: namesOfJid(jid), now })
  if (!chat) throw notFound('instance')
  const quotedMessageId = input.quotedMessageId ?? null
  const { countedIn, quota } = await reservation(ctx, tenantId)
  const row = await insertMessage(sql, {
    id,
    instanceId,
    whatsappId: ctx.whatsapp.newMessageId(instanceId),
    chat: chat.id,
    sender: draft.sender.phoneNumber ? `${draft.sender.phoneNumber.slice(1)}@s.whatsapp.net` : '',
    direction: 'outbound',
    ...keptContent(draft.content),
    status: 'pending',
    timestamp: now,
    createdAt: now,
    payload: await payloadOf(ctx, { ...draft, row: { tenantId, instanceId, quotedMessageId, mentions } }),
    quotedMessageId,
    mentions,
    mediaId,
    countedIn,
    nextAttemptAt: now,
    expiresAt: new Date(now.getTime() + (input.expiresIn ?? LIFETIME_SECONDS) * 1000),
  })
  if (!row) throw notFound('instance')
  const subject = storedMessage(row)
  const made = await record(sql, ctx.clock, {
    type: 'message.created',
    tenantId,
    instanceId,
    about: id,
    data: messageCreated(subject, ctx.config.publicUrl),
    subject,
  })
  await ctx.once?.keep(sql, subject)
  return made
}
