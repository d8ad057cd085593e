import type { Context } from '../../context.ts'
import { acceptMessage } from '../../db/queries/accepts.ts'
import { type ChatRow, chatIdOf, chatOf, touchChat } from '../../db/queries/chats.ts'
import { findInstanceFacts, type Sender } from '../../db/queries/instances.ts'
import { insertMessage, type MessageRow, type NewMessage } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import { payloadPlace } from '../../db/vault.ts'
import { notFound } from '../../errors.ts'
import type { Pending } from '../../events/bus.ts'
import { type HouseEvent, messageCreated } from '../../events/catalogue.ts'
import { draftOf, record, recordedOf } from '../../events/record.ts'
import { newId } from '../../ids.ts'
import { messageAccepted } from '../../telemetry/spans.ts'
import { activeTrace } from '../../telemetry/trace.ts'
import type { MessageExtras } from '../../whatsapp/whatsapp.ts'
import { expectedOf, reserve, tellUsed } from '../billing/quota.ts'
import { namesOfJid, phoneOf } from '../chats/chat-id.ts'
import type { Prepared } from './content.ts'
import type { SendMessageArgs } from './sendMessage.ts'
import type { StoredMessage } from './shape.ts'
import { keptContent, storedMessage } from './stored.ts'
import { stepText } from './trail.ts'
import { waitMs } from './wait-for-answer.ts'

export const LIFETIME_SECONDS = 86_400

export interface Draft extends Prepared {
  args: SendMessageArgs
  tenantId: string
  sender: Sender
  /** The chat as it was before; null: there was none. */
  chat: ChatRow | null
  /** Of the chat, as the caller named it. */
  jid: string
  mentions: string[]
  extras: MessageExtras
}

export interface Accepted {
  made: HouseEvent<'message.created', StoredMessage>
  acked: Pending
}

export async function accept(ctx: Context, draft: Draft): Promise<Accepted> {
  const id = newId('msg')
  const isAnswer = (event: HouseEvent) => event.type === 'message.status'
  const acked = ctx.bus.next(id, {
    instanceId: draft.args.instanceId,
    accept: isAnswer,
    timeoutMs: waitMs(ctx, draft.args.instanceId),
  })
  try {
    const payload = draft.outbound && ctx.whatsapp.compose(draft.outbound, draft.extras)
    const sealed = payload && ctx.secrets.seal(payload, payloadPlace(id))
    const whatsappId = ctx.whatsapp.newMessageId(draft.args.instanceId)
    const made = await messageAccepted({ instanceId: draft.args.instanceId, messageId: id, node: ctx.node.id }, () =>
      storeOnce(ctx, { ...draft, id, whatsappId, payload: sealed }),
    )
    return { made, acked }
  } catch (error) {
    acked.cancel()
    throw error
  }
}

type Storing = Draft & { id: string; whatsappId: string; payload: Uint8Array | null }

/** All or nothing: the message, its event, the first answer to its Idempotency-Key, and its place in the quota. */
async function storeOnce(ctx: Context, draft: Storing): Promise<Accepted['made']> {
  const at = ctx.clock.now()
  if (!ctx.once) {
    return (
      (await storeAtOnce(ctx.db.sql, ctx, { draft, at })) ?? ctx.db.transaction(sql => store(sql, ctx, { draft, at }))
    )
  }
  const { once } = ctx
  return ctx.db.transaction(async sql => {
    const made = await storeAtOnce(sql, ctx, { draft, at })
    if (!made) return store(sql, ctx, { draft, at })
    await once.keep(sql, made.subject)
    return made
  })
}

type When = { draft: Storing; at: Date }

/** Into a chat that is known, by a tenant whose terms are known: one statement. Null: it is not as it was known, or there is no room. */
async function storeAtOnce(sql: Sql, ctx: Context, { draft, at }: When): Promise<Accepted['made'] | null> {
  const { chat, tenantId } = draft
  const expected = expectedOf(ctx, tenantId)
  if (!chat || !expected) return null
  const message = rowOf(ctx, { draft, at, chat: chat.id })
  const created = draftOf(ctx.clock, createdFact(ctx, storedMessage(asStored(tenantId, message, chat))))
  const max = ctx.config.messagesWaitingMax
  const written = await acceptMessage(sql, { message, chat, event: created.row, max, ...expected })
  if (!written) return null
  tellUsed(ctx, { included: expected.included, used: written.used })
  return recordedOf(created, written)
}

/** The row of a new message as it will be read. */
const asStored = (tenantId: string, { trace = null, ...message }: NewMessage, chat: ChatRow): MessageRow => ({
  id: message.id,
  tenantId,
  instanceId: message.instanceId,
  whatsappId: message.whatsappId,
  chat: chat.id,
  chatId: chatIdOf(chat),
  lid: chat.lid,
  phoneNumber: chat.phone && phoneOf(chat.phone),
  sender: message.sender,
  direction: message.direction,
  type: message.type,
  status: message.status,
  content: message.content,
  reactions: [],
  quotedMessageId: message.quotedMessageId ?? null,
  mentions: message.mentions ?? [],
  errorCode: null,
  errorMessage: null,
  timestamp: message.timestamp,
  editedAt: null,
  deletedAt: null,
  actionOf: null,
  countedIn: null,
  trace,
})

async function store(sql: Sql, ctx: Context, when: When): Promise<Accepted['made']> {
  const { id, tenantId, args } = when.draft
  const { instanceId } = args
  const subject = await insert(sql, ctx, when)
  const max = ctx.config.messagesWaitingMax
  const made = await record(sql, ctx.clock, { ...createdFact(ctx, subject), waiting: { by: 1, max } })
  await ctx.once?.keep(sql, subject)
  // Last: the row is every sender's of the tenant.
  await reserve(sql, ctx, { tenantId, instanceId, messageId: id })
  return made
}

const createdFact = ({ config }: Context, subject: StoredMessage) => ({
  type: 'message.created' as const,
  tenantId: subject.tenantId,
  instanceId: subject.instanceId,
  about: subject.id,
  data: messageCreated(subject, config.publicUrl),
  subject,
})

async function insert(sql: Sql, ctx: Context, { draft, at }: When): Promise<StoredMessage> {
  const { instanceId } = draft.args
  // The instance first, as a deletion does: nobody waits in a ring, and it cannot go away before the commit.
  const instance = await findInstanceFacts(sql, instanceId)
  const chat = instance && (await chatOf(sql, { instanceId, names: namesOfJid(draft.jid), now: at }))
  if (!chat) throw notFound('instance')
  const row = await insertMessage(sql, rowOf(ctx, { draft, at, chat: chat.id }))
  if (!row) throw notFound('instance')
  await touchChat(sql, { instanceId, chat: chat.id, at, direction: 'outbound' })
  return storedMessage(row)
}

function rowOf(ctx: Context, { draft, at, chat }: When & { chat: string }): NewMessage {
  const { id, whatsappId, payload, sender, mediaId, mentions } = draft
  const { instanceId, input } = draft.args
  return {
    id,
    instanceId,
    whatsappId,
    chat,
    sender: sender.phoneNumber ? `${sender.phoneNumber.slice(1)}@s.whatsapp.net` : '',
    direction: 'outbound',
    ...keptContent(draft.content),
    status: 'pending',
    timestamp: at,
    createdAt: at,
    payload,
    quotedMessageId: input.quotedMessageId ?? null,
    mentions,
    mediaId,
    nextAttemptAt: at,
    expiresAt: new Date(at.getTime() + (input.expiresIn ?? LIFETIME_SECONDS) * 1000),
    trail: stepText({ kind: 'accepted', at, node: ctx.node.id }),
    trace: activeTrace(),
  }
}
