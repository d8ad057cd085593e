import type { Context } from '../../context.ts'
import { listContacts } from '../../db/queries/contacts.ts'
import { instance } from '../instances/instance.ts'
import { type PageArgs, type PageOf, pager } from '../page.ts'
import { type Contact, contact } from './shape.ts'

export async function contacts(ctx: Context, args: PageArgs & { instanceId: string }): Promise<PageOf<Contact>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const limit = args.limit ?? 50
  const pages = pager(ctx, `contacts ${instanceId}`)
  const after = pages.after(args.cursor)
  const rows = await listContacts(ctx.db.sql, { tenantId, instanceId, after, limit: limit + 1 })
  const { data, page } = pages.page(rows, limit)
  return { data: data.map(contact), page }
}
