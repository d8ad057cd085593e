import { type Context, tenantOf } from '../../context.ts'
import { Instance } from '../../db/entities/instance.ts'
import { type PageArgs, type PageOf, pager } from '../page.ts'
import type { StoredInstance } from './shape.ts'

export async function instances(ctx: Context, args: PageArgs): Promise<PageOf<StoredInstance>> {
  const tenantId = tenantOf(ctx)
  const limit = args.limit ?? 50
  const pages = pager(ctx, 'instances')
  const after = pages.after(args.cursor)
  const rows = await ctx.em.find(
    Instance,
    { tenantId, ...(after && { id: { $lt: after } }) },
    { orderBy: { id: 'desc' }, limit: limit + 1 },
  )
  return pages.page(rows, limit)
}
