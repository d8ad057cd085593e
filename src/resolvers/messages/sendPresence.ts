import { type Context, tenantOf } from '../../context.ts'
import { chatIdOf, findChat } from '../../db/queries/chats.ts'
import { findSender } from '../../db/queries/instances.ts'
import { instanceNotConnected, notFound, unavailable } from '../../errors.ts'
import type { PresenceState } from '../../whatsapp/whatsapp.ts'
import { chatJid } from '../chats/chat-id.ts'
import { onOwner } from '../nodes/onOwner.ts'

export interface PresenceArgs {
  instanceId: string
  input: { chatId: string; state: PresenceState }
}

export interface Presence {
  chatId: string
  state: PresenceState
}

/** Typing is of the moment: it is shown now or not at all. */
export async function sendPresence(ctx: Context, { instanceId, input }: PresenceArgs): Promise<Presence> {
  const sender = await findSender(ctx.db.sql, tenantOf(ctx), instanceId)
  if (!sender) throw notFound('instance')
  if (sender.state !== 'connected') throw instanceNotConnected(sender.state)
  const jid = chatJid(input.chatId)!
  const known = await findChat(ctx.db.sql, instanceId, jid)
  const chatId = known ? chatIdOf(known) : jid
  const outcome = await ctx.pass.aside(onOwner(ctx, instanceId, 'presence', { chat: chatId, state: input.state }))
  if (outcome.kind === 'not_connected') throw instanceNotConnected('reconnecting')
  if (outcome.kind !== 'written') throw unavailable('WhatsApp did not take it', outcome.message)
  return { chatId, state: input.state }
}
