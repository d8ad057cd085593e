import Stripe from 'stripe'
import type { Clock } from '../../src/clock.ts'
import type { Event, Subscription } from '../../src/stripe-sandbox/objects.ts'
import { openStripeSandbox, type StripeSandbox } from '../../src/stripe-sandbox/server.ts'
import { type Answer, type Caller, openTestApp, type TestApp } from './app.ts'

/** The real app with billing on, and what it takes for Stripe. */
export interface Billing {
  wataki: TestApp
  stripe: StripeSandbox
  /** What a tenant's calls say of their plan. */
  planOf(caller: Caller): Promise<string>
  /** Upgrades and pays, and leaves it to the test who hears of it. */
  subscribe(caller: Caller, plan: 'growth' | 'scale'): Promise<Subscription>
  customerOf(caller: Caller): string
  subscriptionsOf(caller: Caller): Subscription[]
  /** Signed by the official client. */
  tell(event: object, options?: Signing): Promise<Answer>
  /** All that concerns this tenant's customer from then on, oldest first. */
  eventsOf(caller: Caller, from?: number): Event[]
  close(): Promise<void>
}

export interface Signing {
  secret?: string
  /** Seconds ago. */
  age?: number
  /** Instead of what was signed. */
  body?: string
  /** Instead of a signature; null: none. */
  header?: string | null
}

export const WEBHOOK_SECRET = 'whsec_test0123456789'
export const PRICES = [
  { id: 'price_growth', name: 'Growth', cents: 2900 },
  { id: 'price_scale', name: 'Scale', cents: 9900 },
]

export const settingsFor = (url: string): Record<string, string> => ({
  STRIPE_API_URL: url,
  STRIPE_SECRET_KEY: 'sk_test_sandbox',
  STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
  STRIPE_PRICE_GROWTH: 'price_growth',
  STRIPE_PRICE_SCALE: 'price_scale',
})

const { webhooks } = new Stripe('sk_test_signs_only')

export async function openBilling(
  options: { variables?: Record<string, string>; clock?: Clock; stripe?: StripeSandbox } = {},
): Promise<Billing> {
  const stripe = options.stripe ?? (await openStripeSandbox({ prices: PRICES, clock: options.clock }))
  const wataki = await openTestApp({ ...settingsFor(stripe.url), ...options.variables })
  const billing: Billing = {
    wataki,
    stripe,
    planOf: async caller => (await caller.get('/v1/billing/usage')).body.plan.id,
    async subscribe(caller, plan) {
      const { body } = await caller.post('/v1/billing/upgrade', { plan })
      const session = stripe.state.sessions.get(body.session_id)
      if (!session) throw new Error(`no checkout: ${JSON.stringify(body)}`)
      return stripe.state.pay(session)
    },
    customerOf(caller) {
      const all = [...stripe.state.customers.values()].filter(each => each.metadata.tenant_id === caller.tenantId)
      if (all.length !== 1) throw new Error(`there are ${all.length} customers`)
      return all[0]!.id
    },
    subscriptionsOf: caller =>
      [...stripe.state.subscriptions.values()].filter(each => each.customer === billing.customerOf(caller)),
    tell: (event, signing) => postEvent(wataki.url, event, signing),
    eventsOf(caller, from = 0) {
      const id = billing.customerOf(caller)
      return stripe.events.slice(from).filter(({ data }) => (data.object as { customer?: string }).customer === id)
    },
    async close() {
      await wataki.close()
      await stripe.close()
    },
  }
  return billing
}

export async function postEvent(url: string, event: object, signing: Signing = {}): Promise<Answer> {
  const payload = JSON.stringify(event)
  const timestamp = Math.floor(Date.now() / 1000) - (signing.age ?? 0)
  const secret = signing.secret ?? WEBHOOK_SECRET
  const header = signing.header ?? webhooks.generateTestHeaderString({ payload, secret, timestamp })
  const response = await fetch(`${url}/v1/billing/stripe-webhook`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(signing.header !== null && { 'stripe-signature': header }) },
    body: signing.body ?? payload,
  })
  return { status: response.status, headers: response.headers, body: await response.json() }
}
