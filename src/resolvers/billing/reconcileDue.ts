import type { App } from '../../context.ts'
import { claimBillings, findBilling } from '../../db/queries/billing.ts'
import { agree } from './agree.ts'
import { finishCheckout } from './checkout.ts'
import { customerOf } from './customer.ts'

/** At once. */
const CLAIM_MAX = 4
const ROUNDS_MAX = 50
/** Longer than it takes, whatever Stripe does. */
const LEASE_MS = 45_000

/**
 * The clock's call: reads what was heard of and not read, finishes what was begun at Stripe and not kept, and looks now
 * and then at what nobody has spoken of.
 */
export async function reconcileDue(app: App): Promise<void> {
  if (!app.stripe) return
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const now = app.clock.now()
    const checkAt = new Date(now.getTime() + LEASE_MS)
    const claimed = await claimBillings(app.db.sql, { now, checkAt, limit: CLAIM_MAX })
    await Promise.all(
      claimed.map(({ tenantId }) =>
        app.turns
          .take(tenantId, () => reconcile(app, tenantId))
          .catch(cause => app.log.warn({ tenantId, err: cause.cause ?? cause }, 'billing is looked at later')),
      ),
    )
    if (claimed.length < CLAIM_MAX) return
  }
}

async function reconcile(app: App, tenantId: string): Promise<void> {
  const before = await findBilling(app.db.sql, tenantId)
  if (!before) return
  // Who never had a customer has asked for one. One that was forgotten is made again when somebody asks.
  if (before.customerId === null && before.owner === null) await customerOf(app, tenantId)
  const billing = await findBilling(app.db.sql, tenantId)
  if (!billing) return
  await finishCheckout(app, billing)
  await agree(app, tenantId, billing.heard)
}
