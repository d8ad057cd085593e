import type { Context } from '../../context.ts'
import { listWebhooks } from '../../db/queries/webhooks.ts'
import { instance } from '../instances/instance.ts'
import { type PageArgs, type PageOf, pager } from '../page.ts'
import type { StoredWebhook } from './shape.ts'

/** Newest first. There are ten at most. */
export async function webhooks(ctx: Context, args: PageArgs & { instanceId: string }): Promise<PageOf<StoredWebhook>> {
  const { id, tenantId } = await instance(ctx, args)
  const pages = pager(ctx, `webhooks ${id}`)
  const after = pages.after(args.cursor)
  const limit = args.limit ?? 50
  const all = await listWebhooks(ctx.db.sql, { tenantId, instanceIds: [id] })
  const rest = after === null ? all : all.filter(each => each.id < after)
  return pages.page(rest.slice(0, limit + 1), limit)
}
