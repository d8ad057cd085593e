import type { Context } from '../../context.ts'
import { findChat } from '../../db/queries/chats.ts'
import { listMessages } from '../../db/queries/messages.ts'
import { chatJid } from '../chats/chat-id.ts'
import { instance } from '../instances/instance.ts'
import { type PageArgs, type PageOf, pager } from '../page.ts'
import type { StoredMessage } from './shape.ts'
import { storedMessage } from './stored.ts'

export async function messages(
  ctx: Context,
  args: PageArgs & { instanceId: string; chatId: string },
): Promise<PageOf<StoredMessage>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const limit = args.limit ?? 50
  const chat = await findChat(ctx.db.sql, instanceId, chatJid(args.chatId)!)
  const pages = pager(ctx, `messages ${instanceId} ${chat?.id}`)
  const after = pages.after(args.cursor)
  if (!chat) return pages.page<StoredMessage>([], limit)
  const rows = await listMessages(ctx.db.sql, { tenantId, instanceId, chat: chat.id, after, limit: limit + 1 })
  return pages.page(rows.map(storedMessage), limit)
}
