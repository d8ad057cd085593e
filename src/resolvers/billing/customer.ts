import type { App } from '../../context.ts'
import {
  type Billing,
  findBilling,
  forgetCustomer,
  keepCustomer,
  keepOwner,
  skipCustomer,
} from '../../db/queries/billing.ts'
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
  const owner = await ownerOf(app)
  const created = await stripeOf(app).createCustomer({ tenantId, name, email, key })
  if (created.kind === 'refused') await skipCustomer(sql, { tenantId, customerNo })
  const { id } = done(created)
  await keepCustomer(sql, { tenantId, customerNo, customerId: id, owner })
  const kept = await findBilling(sql, tenantId)
  if (!kept?.customerId) throw unavailable('Billing has just changed: try again')
  return kept.customerId
}

/** Who has read the customer's subscriptions has the right key. A row of an older version does not tell the mode. */
export async function customerIsThere(app: App, { tenantId, customerId, owner }: Billing): Promise<void> {
  if (customerId === null || owner?.includes(' ')) return
  const present = await ownerOf(app)
  if (present !== null) await keepOwner(app.db.sql, { tenantId, customerId, owner: present })
}

/**
 * Stripe knows no such customer. In the account and the mode that it was made in, it is gone, and forgotten here; in any
 * other, for the key was changed, nothing is: who has paid would lose what they paid for.
 */
export async function customerIsMissing(app: App, { tenantId, customerId, owner }: Billing): Promise<void> {
  if (customerId === null) return
  const present = await ownerOf(app)
  if (present === null || present !== owner) {
    const key = `STRIPE_SECRET_KEY is of ${present ?? 'an account that it may not tell'}`
    const why = `${customerId} was made with a key of ${owner ?? 'an account that is not known'}, and ${key}`
    throw unavailable('Billing cannot be reached right now', new Error(why))
  }
  app.log.warn({ tenantId, customerId }, 'a customer is gone from Stripe: the next upgrade makes another')
  await forgetCustomer(app.db.sql, { tenantId, customerId })
}

/** Such as `acct_1 live`. Null: the key may not tell. */
async function ownerOf(app: App): Promise<string | null> {
  const account = done(await stripeOf(app).account())
  return account && `${account.id} ${account.mode}`
}
