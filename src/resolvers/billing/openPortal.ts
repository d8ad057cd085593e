import { type Context, tenantOf } from '../../context.ts'
import { hearBilling } from '../../db/queries/billing.ts'
import { checkSoon, done, stripeOf } from './at-stripe.ts'
import { customerOf } from './customer.ts'

/** Stripe's own pages on which a customer sees invoices, changes cards and plans, and cancels. */
export async function openPortal(ctx: Context): Promise<{ url: string }> {
  const tenantId = tenantOf(ctx)
  const stripe = stripeOf(ctx)
  const opening = ctx.turns.take(tenantId, async () => {
    await hearBilling(ctx.db.sql, { tenantId, checkAt: checkSoon(ctx) })
    const customerId = await customerOf(ctx, tenantId)
    const returnUrl = `${ctx.config.publicUrl}/?billing=changed`
    const { url } = done(await stripe.openPortal({ customerId, returnUrl, change: null }))
    return { url }
  })
  return ctx.pass.aside(opening)
}
