import type { App } from '../../context.ts'
import { type Billing, findBilling, forgetCustomer, keepCustomer } from '../../db/queries/billing.ts'
import { findAccount } from '../../db/queries/tenants.ts'
import { unavailable } from '../../errors.ts'
import { done, stripeOf } from './at-stripe.ts'

/**
 * The tenant's one customer at Stripe, made when there is none. Its number is the key of the call: whoever asks at the same
 * time, and whoever asks again after a crash, gets the same.
 */
export async function customerOf(app: App, tenantId: string): Promise<string> {
  const { sql } = app.db
  const billing = await findBilling(sql, tenantId)
  const account = await findAccount(sql, { id: tenantId })
  if (!billing || !account) throw new Error('nobody has heard of this tenant')
  if (billing.customerId) return billing.customerId
  const { name, email } = account
  const { customerNo } = billing
  const key = `wataki-customer-${tenantId}-${customerNo}`
  const stripe = stripeOf(app)
  const accountId = done(await stripe.account())
  const { id } = done(await stripe.createCustomer({ tenantId, name, email, key }))
  await keepCustomer(sql, { tenantId, customerNo, customerId: id, accountId })
  const kept = await findBilling(sql, tenantId)
  if (!kept?.customerId) throw unavailable('Billing has just changed: try again')
  return kept.customerId
}

/**
 * Stripe knows no such customer. In the account that it was made in, it is gone, and forgotten here; in another account,
 * for the key was changed, nothing is: who has paid would lose what they paid for.
 */
export async function customerIsMissing(app: App, { tenantId, customerId, accountId }: Billing): Promise<void> {
  if (customerId === null) return
  const account = done(await stripeOf(app).account())
  if (account === null || account !== accountId) {
    throw unavailable('Billing cannot be reached right now', new Error('STRIPE_SECRET_KEY is of another account'))
  }
  app.log.warn({ tenantId }, 'a customer is gone from Stripe: the next upgrade makes another')
  await forgetCustomer(app.db.sql, { tenantId, customerId })
}
