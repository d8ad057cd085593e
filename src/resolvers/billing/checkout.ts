import type { App } from '../../context.ts'
import {
  type Billing,
  beginCheckout,
  dropCheckout,
  endCheckout,
  findBilling,
  hearBilling,
  keepCheckout,
} from '../../db/queries/billing.ts'
import { unavailable } from '../../errors.ts'
import type { Checkout, PaidPlan } from '../../stripe/stripe.ts'
import { checkSoon, done, stripeOf } from './at-stripe.ts'
import { customerIsMissing, customerOf } from './customer.ts'

/** How long a checkout may be paid; Stripe takes 30 minutes to 24 hours, from the moment in which it makes one. */
const OPEN_MS = 2 * 3600 * 1000
/** Begun before that and not made since, it is not made any more. */
const MAKE_MS = 3600 * 1000
/** With less left than that another one is opened. */
const LEFT_MIN_MS = 10 * 60 * 1000
/** Each ends one that is over, or one for another plan. */
const ROUNDS_MAX = 6

interface Open {
  id: string
  url: string
}

/** The tenant's one open checkout, for this plan. Null: the one that there was is paid. */
export async function checkoutFor(app: App, tenantId: string, plan: PaidPlan): Promise<Open | null> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const begun = await begin(app, tenantId, plan)
    const { checkoutNo } = begun
    const checkout = await made(app, begun)
    if (checkout?.status === 'complete') return null
    const isGood = checkout?.status === 'open' && checkout.expiresAt.getTime() - app.clock.nowMs() > LEFT_MIN_MS
    if (checkout && isGood && begun.checkoutPlan === plan) {
      const { id, url } = checkout
      if (await keepCheckout(app.db.sql, { tenantId, checkoutNo, id, url })) return { id, url: url! }
      continue
    }
    if (checkout?.status === 'open') {
      // Whatever becomes of this process then.
      await hearBilling(app.db.sql, { tenantId, checkAt: checkSoon(app) })
      const expired = await stripeOf(app).expireCheckout(checkout.id)
      // Somebody was faster, to pay it or to expire it: the next round sees which.
      if (expired.kind === 'refused') continue
      if (expired.kind !== 'missing') done(expired)
    }
    await endCheckout(app.db.sql, { tenantId, checkoutNo })
  }
  throw unavailable('Another checkout is being opened: try again')
}

/** After a crash it is not known whether Stripe has made it; the same key finds out. */
export async function finishCheckout(app: App, billing: Billing): Promise<void> {
  const { tenantId, checkoutNo, checkoutPlan, checkoutId } = billing
  if (checkoutPlan === null || checkoutId !== null) return
  const checkout = await made(app, billing)
  if (checkout) await keepCheckout(app.db.sql, { tenantId, checkoutNo, id: checkout.id, url: checkout.url })
  else await endCheckout(app.db.sql, { tenantId, checkoutNo })
}

async function begin(app: App, tenantId: string, plan: PaidPlan): Promise<Billing> {
  const now = app.clock.now()
  await beginCheckout(app.db.sql, { tenantId, plan, now, checkAt: checkSoon(app) })
  const billing = await findBilling(app.db.sql, tenantId)
  if (!billing?.checkoutPlan) throw unavailable('Billing has just changed: try again')
  return billing
}

/** As Stripe has it now. Null: it has none, and is to make none. */
async function made(app: App, begun: Billing): Promise<Checkout | null> {
  const stripe = stripeOf(app)
  if (begun.checkoutId) {
    const found = await stripe.checkout(begun.checkoutId)
    return found.kind === 'missing' ? null : done(found)
  }
  const { tenantId, checkoutNo } = begun
  const begunMs = begun.checkoutBegunAt!.getTime()
  if (app.clock.nowMs() - begunMs > MAKE_MS) return null
  const customerId = await customerOf(app, tenantId)
  const opened = await stripe.openCheckout({
    tenantId,
    customerId,
    plan: begun.checkoutPlan as PaidPlan,
    expiresAt: new Date(begunMs + OPEN_MS),
    successUrl: `${app.config.publicUrl}/?billing=paid`,
    cancelUrl: `${app.config.publicUrl}/?billing=cancelled`,
    key: `wataki-checkout-${tenantId}-${checkoutNo}`,
  })
  if (opened.kind === 'missing') await customerIsMissing(app, begun)
  if (opened.kind === 'refused') await dropCheckout(app.db.sql, { tenantId, checkoutNo })
  const { id } = done(opened)
  // The same key gives what was answered first, which may be over.
  return done(await stripe.checkout(id))
}
