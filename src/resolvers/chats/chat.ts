import type { Context } from '../../context.ts'
import { chatsByIds, groupsByChats, participantsOf } from '../../db/queries/chat-lists.ts'
import { findChat } from '../../db/queries/chats.ts'
import { notFound } from '../../errors.ts'
import { instance } from '../instances/instance.ts'
import { chatJid } from './chat-id.ts'
import { type ChatDetails, participant, storedChat, storedGroup } from './shape.ts'

/** By any form of the id that sending takes. */
export async function chat(ctx: Context, args: { instanceId: string; chatId: string }): Promise<ChatDetails> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const { sql } = ctx.db
  const jid = chatJid(args.chatId)
  const found = jid && (await findChat(sql, instanceId, jid))
  const [row] = found ? await chatsByIds(sql, tenantId, [found.id]) : []
  if (!row) throw notFound('chat')
  if (row.groupJid === null) return { ...storedChat(row), group: null, participants: null }
  const [group] = await groupsByChats(sql, tenantId, [row.id])
  const [kept] = await participantsOf(sql, tenantId, [row.id])
  return {
    ...storedChat(row),
    group: group ? storedGroup(group) : null,
    participants: kept?.participants.map(participant) ?? null,
  }
}
