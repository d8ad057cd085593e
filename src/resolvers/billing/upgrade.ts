import { type App, type Context, tenantOf } from '../../context.ts'
import { type Billing, hearBilling } from '../../db/queries/billing.ts'
import { invalid, unavailable } from '../../errors.ts'
import type { PaidPlan } from '../../stripe/stripe.ts'
import { agree } from './agree.ts'
import { checkSoon, done, stripeOf } from './at-stripe.ts'
import { checkoutFor } from './checkout.ts'
import { customerOf } from './customer.ts'
import type { PlanId } from './plans.ts'

export interface Upgrade {
  plan: PlanId
  checkoutUrl: string
  sessionId: string
}

/**
 * Where to pay for a plan: Stripe's checkout, or, for who has a subscription already, Stripe's page that confirms the
 * change of it. Nothing changes here before Stripe says that it was paid.
 */
export async function upgrade(ctx: Context, { input }: { input: { plan: PlanId } }): Promise<Upgrade> {
  const tenantId = tenantOf(ctx)
  stripeOf(ctx)
  const { plan } = input
  if (plan === 'free')
    throw invalid({ plan: 'must be growth or scale: a subscription is ended in the customer portal' })
  const { id, url } = await ctx.pass.aside(ctx.turns.take(tenantId, () => placeToPay(ctx, tenantId, plan)))
  const result = { plan, checkoutUrl: url, sessionId: id }
  await ctx.once?.keep(ctx.db.sql, result)
  return result
}

/** What was paid at this very moment is seen the second time. */
async function placeToPay(app: App, tenantId: string, plan: PaidPlan): Promise<{ id: string; url: string }> {
  for (let round = 0; round < 2; round++) {
    const heard = await hearBilling(app.db.sql, { tenantId, checkAt: checkSoon(app) })
    const customerId = await customerOf(app, tenantId)
    const billing = await agree(app, tenantId, heard)
    if (billing?.subscriptionId) return change(app, { ...billing, customerId }, plan)
    const open = await checkoutFor(app, tenantId, plan)
    if (open) return open
  }
  throw unavailable('A payment is just being made: try again')
}

async function change(app: App, billing: Billing & { customerId: string }, plan: PaidPlan) {
  const { customerId, subscriptionId, status, plan: present, endsAt } = billing
  const isPaid = status === 'active' || status === 'trialing'
  if (isPaid && present === plan && !endsAt) throw invalid({ plan: 'is the one that you are on' })
  const portal = await stripeOf(app).openPortal({
    customerId,
    returnUrl: `${app.config.publicUrl}/?billing=changed`,
    // What is not paid, or ends, is put right first.
    change: isPaid && !endsAt && present !== plan ? { subscriptionId: subscriptionId!, plan } : null,
  })
  return done(portal)
}
