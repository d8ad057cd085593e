import type { Context } from '../../context.ts'
import { listGroups } from '../../db/queries/chat-lists.ts'
import { instance } from '../instances/instance.ts'
import { type PageArgs, type PageOf, pager } from '../page.ts'
import { type StoredGroup, storedGroup } from './shape.ts'

export async function groups(ctx: Context, args: PageArgs & { instanceId: string }): Promise<PageOf<StoredGroup>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const limit = args.limit ?? 50
  const pages = pager(ctx, `groups ${instanceId}`)
  const after = pages.after(args.cursor)
  const rows = await listGroups(ctx.db.sql, { tenantId, instanceId, after, limit: limit + 1 })
  const { data, page } = pages.page(rows, limit)
  return { data: data.map(storedGroup), page }
}
