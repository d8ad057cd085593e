import type { Context } from '../../context.ts'
import { listGroups } from '../../db/queries/chat-lists.ts'
import { instance } from '../instances/instance.ts'
import { afterId, type PageArgs, type PageOf, pageOf } from '../page.ts'
import { type StoredGroup, storedGroup } from './shape.ts'

export async function groups(ctx: Context, args: PageArgs & { instanceId: string }): Promise<PageOf<StoredGroup>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const limit = args.limit ?? 50
  const after = afterId(args.cursor, 'chat')
  const { data, page } = pageOf(await listGroups(ctx.db.sql, { tenantId, instanceId, after, limit: limit + 1 }), limit)
  return { data: data.map(storedGroup), page }
}
