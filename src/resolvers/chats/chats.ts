import type { Context } from '../../context.ts'
import { listChats } from '../../db/queries/chat-lists.ts'
import { instance } from '../instances/instance.ts'
import { afterId, type PageArgs, type PageOf, pageOf } from '../page.ts'
import { type StoredChat, storedChat } from './shape.ts'

export async function chats(ctx: Context, args: PageArgs & { instanceId: string }): Promise<PageOf<StoredChat>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const limit = args.limit ?? 50
  const after = afterId(args.cursor, 'chat')
  const { data, page } = pageOf(await listChats(ctx.db.sql, { tenantId, instanceId, after, limit: limit + 1 }), limit)
  return { data: data.map(storedChat), page }
}
