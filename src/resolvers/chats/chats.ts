import type { Context } from '../../context.ts'
import { listChats } from '../../db/queries/chat-lists.ts'
import { instance } from '../instances/instance.ts'
import { type PageArgs, type PageOf, pager } from '../page.ts'
import { type StoredChat, storedChat } from './shape.ts'

export async function chats(ctx: Context, args: PageArgs & { instanceId: string }): Promise<PageOf<StoredChat>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const limit = args.limit ?? 50
  const pages = pager(ctx, `chats ${instanceId}`)
  const after = pages.after(args.cursor)
  const { data, page } = pages.page(
    await listChats(ctx.db.sql, { tenantId, instanceId, after, limit: limit + 1 }),
    limit,
  )
  return { data: data.map(storedChat), page }
}
