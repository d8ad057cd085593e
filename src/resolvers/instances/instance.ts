import { type Context, tenantOf } from '../../context.ts'
import { Instance } from '../../db/entities/instance.ts'
import { notFound } from '../../errors.ts'
import type { StoredInstance } from './shape.ts'

/** One instance of the caller; a foreign and a missing one are the same 404. */
export async function instance(ctx: Context, args: { instanceId: string }): Promise<StoredInstance> {
  const found = await ctx.em.findOne(Instance, { tenantId: tenantOf(ctx), id: args.instanceId })
  if (!found) throw notFound('instance')
  return found
}
