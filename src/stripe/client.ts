import StripeClient from 'stripe'
import { eventReader } from './event.ts'
import { outcomeOf } from './outcome.ts'
import { createPortal } from './portal.ts'
import type { Account, Checkout, PaidPlan, Stripe, Subscription } from './stripe.ts'

export interface StripeOptions {
  secretKey: string
  webhookSecret: string
  prices: Record<PaidPlan, readonly string[]>
  /** Null: Stripe's own. */
  apiUrl: string | null
}

/** A request waits for less than this and its retries together. */
const TIMEOUT_MS = 10_000
const RETRIES_MAX = 2
const PAGE_MAX = 100
const SUBSCRIPTIONS_MAX = 500

export function openStripe(options: StripeOptions): Stripe {
  const client = new StripeClient(options.secretKey, {
    ...placeOf(options.apiUrl),
    timeout: TIMEOUT_MS,
    maxNetworkRetries: RETRIES_MAX,
    telemetry: false,
  })
  const { prices } = options
  const mode = /^(sk|rk)_live_/.test(options.secretKey) ? 'live' : 'test'
  const account = accountReader(client, mode)
  const portal = createPortal(client, prices)
  return {
    account,
    eventOf: eventReader(client, { ...options, mode, account }),
    createCustomer: ({ tenantId, name, email, key }) =>
      outcomeOf({ by: 'path', hasKey: true }, async () => {
        const params = { name, email, metadata: { tenant_id: tenantId } }
        const { id } = await client.customers.create(params, { idempotencyKey: key })
        return { id }
      }),
    subscriptions: customerId =>
      outcomeOf({ by: 'customer' }, async () => {
        const list = client.subscriptions.list({ customer: customerId, status: 'all', limit: PAGE_MAX })
        const found = await list.autoPagingToArray({ limit: SUBSCRIPTIONS_MAX })
        return found.map(each => subscriptionOf(each, prices))
      }),
    openCheckout: wanted =>
      outcomeOf({ by: 'customer', hasKey: true }, async () => {
        const metadata = { tenant_id: wanted.tenantId }
        const session = await client.checkout.sessions.create(
          {
            mode: 'subscription',
            customer: wanted.customerId,
            client_reference_id: wanted.tenantId,
            line_items: [{ price: prices[wanted.plan][0]!, quantity: 1 }],
            success_url: wanted.successUrl,
            cancel_url: wanted.cancelUrl,
            expires_at: Math.floor(wanted.expiresAt.getTime() / 1000),
            metadata,
            subscription_data: { metadata },
          },
          { idempotencyKey: wanted.key },
        )
        return checkoutOf(session)
      }),
    checkout: id => outcomeOf({ by: 'path' }, async () => checkoutOf(await client.checkout.sessions.retrieve(id))),
    expireCheckout: id => outcomeOf({ by: 'path' }, async () => checkoutOf(await client.checkout.sessions.expire(id))),
    openPortal: of => outcomeOf({ by: 'customer' }, () => portal.open(of)),
    cancelAndRefund: id => outcomeOf({ by: 'path' }, () => cancelAndRefund(client, id)),
  }
}

/** Asked once. */
function accountReader(client: StripeClient, mode: Account['mode']): Stripe['account'] {
  let known: Account | null | undefined
  return async () => {
    if (known !== undefined) return { kind: 'done', value: known }
    const asked = await outcomeOf({ by: 'path' }, async () => (await client.accounts.retrieveCurrent()).id)
    if (asked.kind === 'away') return asked
    known = asked.kind === 'done' ? { id: asked.value, mode } : null
    return { kind: 'done', value: known }
  }
}

function placeOf(apiUrl: string | null): { host?: string; port?: string; protocol?: 'http' | 'https' } {
  if (apiUrl === null) return {}
  const { hostname, port, protocol } = new URL(apiUrl)
  const isHttps = protocol === 'https:'
  return { host: hostname, port: port || (isHttps ? '443' : '80'), protocol: isHttps ? 'https' : 'http' }
}

const dateOf = (seconds: number): Date => new Date(seconds * 1000)

function subscriptionOf(from: StripeClient.Subscription, prices: StripeOptions['prices']): Subscription {
  const plans = Object.keys(prices) as PaidPlan[]
  const planOf = (priceId: string) => plans.find(plan => prices[plan].includes(priceId)) ?? null
  const [first] = from.items.data
  const item = from.items.data.find(each => planOf(each.price.id) !== null) ?? first
  const start = item?.current_period_start ?? from.start_date
  const end = from.cancel_at ?? (from.cancel_at_period_end ? item?.current_period_end : null)
  return {
    id: from.id,
    plan: item ? planOf(item.price.id) : null,
    status: from.status,
    createdAt: dateOf(from.created),
    anchor: dateOf(from.billing_cycle_anchor),
    periodStart: dateOf(start),
    periodEnd: dateOf(item?.current_period_end ?? start),
    endsAt: end == null ? null : dateOf(end),
  }
}

const checkoutOf = ({ id, url, status, expires_at }: StripeClient.Checkout.Session): Checkout => ({
  id,
  url,
  status: status === 'open' ? 'open' : status === 'complete' ? 'complete' : 'expired',
  expiresAt: dateOf(expires_at),
})

/** The money first: once it is cancelled nobody would look for it again. */
async function cancelAndRefund(client: StripeClient, id: string): Promise<{ refunded: boolean }> {
  const { latest_invoice, status } = await client.subscriptions.retrieve(id)
  const invoice = typeof latest_invoice === 'string' ? latest_invoice : latest_invoice?.id
  const payments = invoice ? await client.invoicePayments.list({ invoice, status: 'paid', limit: PAGE_MAX }) : null
  let refunded = false
  for (const { id: paymentId, payment } of payments?.data ?? []) {
    const { payment_intent: intent, charge } = payment
    const of = intent ? { payment_intent: idOf(intent) } : charge ? { charge: idOf(charge) } : null
    if (!of) continue
    await client.refunds
      .create({ ...of, reason: 'duplicate' }, { idempotencyKey: `wataki-refund-${paymentId}` })
      .catch(ignoring('charge_already_refunded'))
    refunded = true
  }
  if (status !== 'canceled' && status !== 'incomplete_expired') {
    await client.subscriptions.cancel(id, { prorate: false }).catch(ignoring('resource_missing'))
  }
  return { refunded }
}

const idOf = (thing: string | { id: string }): string => (typeof thing === 'string' ? thing : thing.id)

const ignoring = (code: string) => (error: unknown) => {
  if ((error as { code?: unknown }).code !== code) throw error
}
