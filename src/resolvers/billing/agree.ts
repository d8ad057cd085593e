import type { App } from '../../context.ts'
import {
  type Billing,
  endCheckout,
  endDuplicate,
  findBilling,
  forgetDuplicate,
  insertDuplicates,
  lockBilling,
  openDuplicates,
  settleBilling,
} from '../../db/queries/billing.ts'
import { setTerms } from '../../db/queries/tenants.ts'
import type { Sql } from '../../db/sql.ts'
import { unavailable } from '../../errors.ts'
import type { Checkout } from '../../stripe/stripe.ts'
import { recordAudit } from '../auth/audit.ts'
import { done, StripeTrouble, stripeOf } from './at-stripe.ts'
import { customerIsMissing, customerIsThere } from './customer.ts'
import { type Standing, standingOf } from './standing.ts'

/** Each is somebody else's news in between, and they are under way for the same. */
const ROUNDS_MAX = 8
/** Without any news. */
const CHECK_MS = { subscribed: 6 * 3600 * 1000, free: 24 * 3600 * 1000 }
const AFTER_CHECKOUT_MS = 60_000

/**
 * Brings what we know of a tenant to what Stripe says now, `heard` and all before it included. Stripe is asked outside of
 * any transaction, and what it said is taken only if nothing was heard meanwhile: what is older never replaces what is
 * newer. Null: nothing is known of the tenant.
 */
export async function agree(app: App, tenantId: string, heard: number): Promise<Billing | null> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const billing = await findBilling(app.db.sql, tenantId)
    if (!billing || billing.settled >= heard) return billing
    const found = await stateOf(app, billing)
    if (!found) continue
    const settled = await app.db.transaction(sql => settle(sql, app, { read: billing, ...found }))
    if (!settled) continue
    await endDuplicates(app, tenantId, settled.duplicates)
    return findBilling(app.db.sql, tenantId)
  }
  throw unavailable('Billing has just changed: try again')
}

interface State {
  standing: Standing
  checkout: Checkout | null
}

/** Null: it has to be read again. */
async function stateOf(app: App, billing: Billing): Promise<State | null> {
  const { customerId, checkoutId } = billing
  const now = app.clock.now()
  if (customerId === null) return { standing: standingOf([], now), checkout: null }
  const stripe = stripeOf(app)
  const asked = await stripe.subscriptions(customerId)
  if (asked.kind === 'missing') {
    await customerIsMissing(app, billing)
    return null
  }
  const standing = standingOf(done(asked), now, billing)
  await customerIsThere(app, billing)
  if (checkoutId === null) return { standing, checkout: null }
  const checkout = await stripe.checkout(checkoutId)
  const over = { id: checkoutId, url: null, status: 'expired', expiresAt: now } as const
  return { standing, checkout: checkout.kind === 'missing' ? over : done(checkout) }
}

/** Null: there was news since it was read. Otherwise the ids of subscriptions that are to be ended. */
async function settle(
  sql: Sql,
  app: App,
  { read, standing, checkout }: State & { read: Billing },
): Promise<{ duplicates: string[] } | null> {
  const { tenantId, heard } = read
  const billing = await lockBilling(sql, tenantId)
  if (!billing || billing.heard !== heard || billing.settled >= heard) return null
  const now = app.clock.now()
  const { current, plan, anchor, graceEndsAt } = standing
  // What Stripe never gave it does not take away: a plan may be the operator's word.
  const changed = plan !== (billing.plan ?? 'free')
  await setTerms(sql, { tenantId, plan: changed ? plan : null, anchor })
  const actor = { kind: 'stripe', id: current?.id ?? billing.subscriptionId } as const
  if (changed) await recordAudit(sql, app, { action: 'tenant.plan_changed', tenantId, target: tenantId, actor })
  if (current) await forgetDuplicate(sql, { tenantId, id: current.id })
  for (const { id } of await insertDuplicates(sql, { tenantId, ids: standing.duplicates, now })) {
    await recordAudit(sql, app, { action: 'subscription.duplicate_found', tenantId, target: id, actor })
    app.log.warn(
      { tenantId, action: 'subscription.duplicate_found' },
      'paid twice: the newer is cancelled and refunded',
    )
  }
  const duplicates = (await openDuplicates(sql, tenantId)).map(({ id }) => id)
  if (checkout && checkout.status !== 'open') await endCheckout(sql, { tenantId, checkoutNo: read.checkoutNo })
  await settleBilling(sql, {
    tenantId,
    heard,
    checkAt: nextCheck(now, { standing, checkout, billing, duplicates }),
    subscriptionId: current?.id ?? null,
    plan: changed || current ? plan : null,
    status: current?.status ?? null,
    periodEnd: current?.periodEnd ?? null,
    endsAt: current?.endsAt ?? null,
    graceEndsAt,
  })
  return { duplicates }
}

function nextCheck(
  now: Date,
  { standing, checkout, billing, duplicates }: State & { billing: Billing; duplicates: string[] },
): Date {
  const after = (ms: number) => new Date(now.getTime() + ms)
  const isUnderWay = duplicates.length > 0 || (billing.checkoutPlan !== null && billing.checkoutId === null)
  const dates = [
    after(standing.current ? CHECK_MS.subscribed : CHECK_MS.free),
    ...(isUnderWay ? [after(AFTER_CHECKOUT_MS / 4)] : []),
    ...(checkout?.status === 'open' ? [new Date(checkout.expiresAt.getTime() + AFTER_CHECKOUT_MS)] : []),
    ...(standing.graceEndsAt ? [standing.graceEndsAt] : []),
  ]
  return dates.reduce((first, date) => (date < first ? date : first))
}

/** One that fails is tried again with the next look, until it is written down as ended. */
async function endDuplicates(app: App, tenantId: string, ids: string[]): Promise<void> {
  for (const id of ids) {
    const ended = await stripeOf(app).cancelAndRefund(id)
    if (ended.kind === 'done' || ended.kind === 'missing') {
      const refunded = ended.kind === 'done' && ended.value.refunded
      await endDuplicate(app.db.sql, { tenantId, id, refunded, now: app.clock.now() })
    } else app.log.error({ tenantId, err: new StripeTrouble(ended) }, 'a second subscription could not be cancelled')
  }
}
