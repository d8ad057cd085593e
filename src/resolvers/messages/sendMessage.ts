import { type Context, tenantOf } from '../../context.ts'
import { chatOf, findChat, touchChat } from '../../db/queries/chats.ts'
import { findInstanceFacts, findSender, type Sender } from '../../db/queries/instances.ts'
import { insertMessage } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import { payloadPlace } from '../../db/vault.ts'
import { invalid, notFound } from '../../errors.ts'
import type { Pending } from '../../events/bus.ts'
import { type HouseEvent, messageCreated } from '../../events/catalogue.ts'
import { record } from '../../events/record.ts'
import { newId } from '../../ids.ts'
import { messageAccepted } from '../../telemetry/spans.ts'
import { activeTrace } from '../../telemetry/trace.ts'
import type { MessageExtras } from '../../whatsapp/whatsapp.ts'
import { reserve } from '../billing/quota.ts'
import { chatJid, namesOfJid } from '../chats/chat-id.ts'
import { assertSendable } from '../instances/shape.ts'
import { type ContentInput, type Prepared, prepare, type SendableType } from './content.ts'
import { dispatchSoon } from './dispatchSoon.ts'
import { extrasOf } from './extras.ts'
import type { StoredMessage } from './shape.ts'
import { keptContent, storedMessage } from './stored.ts'
import { stepText } from './trail.ts'

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
  extras: MessageExtras
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
    const known = await findChat(ctx.db.sql, instanceId, draft.jid)
    return known ? ctx.lanes.inTurn(`${instanceId} ${known.id}`, () => accept(ctx, draft)) : accept(ctx, draft)
  })
  ctx.bus.publish(made)
  try {
    dispatchSoon(ctx, instanceId)
    const event = await ctx.pass.aside(acked.event)
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
  const quotedMessageId = input.quotedMessageId ?? null
  const mentions = (input.mentions ?? []).map(each => chatJid(each)!)
  const extras = await extrasOf(ctx, { tenantId, instanceId, quotedMessageId, mentions })
  if (quotedMessageId && !extras.quoted) throw invalid({ quotedMessageId: 'is not a message of this instance' })
  return { ...prepared, args, tenantId, sender, jid: chatJid(input.chatId)!, mentions, extras }
}

interface Accepted {
  made: HouseEvent<'message.created', StoredMessage>
  acked: Pending
}

async function accept(ctx: Context, draft: Draft): Promise<Accepted> {
  const id = newId('msg')
  const isAnswer = (event: HouseEvent) => event.type === 'message.status'
  const acked = ctx.bus.next(id, { instanceId: draft.args.instanceId, accept: isAnswer, timeoutMs: WAIT_MS })
  try {
    const payload = draft.outbound && ctx.whatsapp.compose(draft.outbound, draft.extras)
    const sealed = payload && ctx.secrets.seal(payload, payloadPlace(id))
    const whatsappId = ctx.whatsapp.newMessageId(draft.args.instanceId)
    const made = await messageAccepted({ instanceId: draft.args.instanceId, messageId: id, node: ctx.node.id }, () =>
      ctx.db.transaction(sql => store(sql, ctx, { ...draft, id, whatsappId, payload: sealed })),
    )
    return { made, acked }
  } catch (error) {
    acked.cancel()
    throw error
  }
}

type Storing = Draft & { id: string; whatsappId: string; payload: Uint8Array | null }

/** All or nothing: the message, its event, the first answer to its Idempotency-Key, and its place in the quota. */
async function store(sql: Sql, ctx: Context, draft: Storing): Promise<Accepted['made']> {
  const { id, tenantId } = draft
  const { instanceId } = draft.args
  const subject = await insert(sql, ctx, draft)
  const made = await record(sql, ctx.clock, {
    type: 'message.created',
    tenantId,
    instanceId,
    about: id,
    data: messageCreated(subject, ctx.config.publicUrl),
    subject,
    waiting: { by: 1, max: ctx.config.messagesWaitingMax },
  })
  await ctx.once?.keep(sql, subject)
  // Last: the row is every sender's of the tenant.
  await reserve(sql, ctx, { tenantId, instanceId, messageId: id })
  return made
}

async function insert(sql: Sql, ctx: Context, draft: Storing): Promise<StoredMessage> {
  const { id, whatsappId, payload, jid, sender, mediaId, mentions } = draft
  const { instanceId, input } = draft.args
  const now = ctx.clock.now()
  // The instance first, as a deletion does: nobody waits in a ring, and it cannot go away before the commit.
  const instance = await findInstanceFacts(sql, instanceId)
  const chat = instance && (await chatOf(sql, { instanceId, names: namesOfJid(jid), now }))
  if (!chat) throw notFound('instance')
  const row = await insertMessage(sql, {
    id,
    instanceId,
    whatsappId,
    chat: chat.id,
    sender: sender.phoneNumber ? `${sender.phoneNumber.slice(1)}@s.whatsapp.net` : '',
    direction: 'outbound',
    ...keptContent(draft.content),
    status: 'pending',
    timestamp: now,
    createdAt: now,
    payload,
    quotedMessageId: input.quotedMessageId ?? null,
    mentions,
    mediaId,
    nextAttemptAt: now,
    expiresAt: new Date(now.getTime() + (input.expiresIn ?? LIFETIME_SECONDS) * 1000),
    trail: stepText({ kind: 'accepted', at: now, node: ctx.node.id }),
    trace: activeTrace(),
  })
  if (!row) throw notFound('instance')
  await touchChat(sql, { instanceId, chat: chat.id, at: now, direction: 'outbound' })
  return storedMessage(row)
}
