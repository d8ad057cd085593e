import { type Context, tenantOf } from '../../context.ts'
import { Instance } from '../../db/entities/instance.ts'
import { afterId, type PageArgs, type PageOf, pageOf } from '../page.ts'
import type { StoredInstance } from './shape.ts'

export async function instances(ctx: Context, args: PageArgs): Promise<PageOf<StoredInstance>> {
  const tenantId = tenantOf(ctx)
  const limit = args.limit ?? 50
  const after = afterId(args.cursor, 'inst')
  const rows = await ctx.em.find(
    Instance,
    { tenantId, ...(after && { id: { $lt: after } }) },
    { orderBy: { id: 'desc' }, limit: limit + 1 },
  )
  return pageOf(rows, limit)
}
