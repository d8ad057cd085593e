import { type Context, tenantOf } from '../../context.ts'
import { Tenant } from '../../db/entities/tenant.ts'

export async function me(ctx: Context): Promise<Tenant> {
  return ctx.em.findOneOrFail(Tenant, { id: tenantOf(ctx) })
}
