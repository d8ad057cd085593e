import type { Context } from '../../context.ts'
import { listContacts } from '../../db/queries/contacts.ts'
import { instance } from '../instances/instance.ts'
import { afterId, type PageArgs, type PageOf, pageOf } from '../page.ts'
import { type Contact, contact } from './shape.ts'

export async function contacts(ctx: Context, args: PageArgs & { instanceId: string }): Promise<PageOf<Contact>> {
  const { id: instanceId, tenantId } = await instance(ctx, args)
  const limit = args.limit ?? 50
  const after = afterId(args.cursor, 'con')
  const rows = await listContacts(ctx.db.sql, { tenantId, instanceId, after, limit: limit + 1 })
  const { data, page } = pageOf(rows, limit)
  return { data: data.map(contact), page }
}
