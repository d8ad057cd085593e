import { type Context, tenantOf } from '../../context.ts'
import { Instance } from '../../db/entities/instance.ts'
import { findInstance } from '../../db/queries/instances.ts'
import { notFound } from '../../errors.ts'
import type { StoredInstance } from './shape.ts'

/** One instance of the caller; a foreign and a missing one are the same 404. */
export async function instance(ctx: Context, args: { instanceId: string }): Promise<StoredInstance> {
  const found = await findInstance(ctx.db.sql, tenantOf(ctx), args.instanceId)
  if (!found) throw notFound('instance')
  return found
}

/** The same, for who changes it: `em.flush` writes what is set on it. */
export async function instanceToChange(ctx: Context, args: { instanceId: string }): Promise<Instance> {
  const found = await ctx.em.findOne(Instance, { tenantId: tenantOf(ctx), id: args.instanceId })
  if (!found) throw notFound('instance')
  return found
}
