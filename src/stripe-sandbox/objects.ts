/** Objects in the shapes of Stripe's API, with the fields that its clients here go by. */

export const API_VERSION = '2026-10-28.endive'

interface Common {
  id: string
  object: string
  created: number
  livemode: false
  metadata: Record<string, string>
}

export interface Customer extends Common {
  object: 'customer'
  email: string | null
  name: string | null
}

export interface Price extends Common {
  object: 'price'
  active: true
  currency: 'usd'
  nickname: string
  product: string
  recurring: { interval: 'month'; interval_count: 1 }
  type: 'recurring'
  unit_amount: number
}

export interface Session extends Common {
  object: 'checkout.session'
  amount_total: number
  cancel_url: string | null
  client_reference_id: string | null
  currency: 'usd'
  customer: string
  expires_at: number
  invoice: string | null
  mode: 'subscription'
  payment_status: 'paid' | 'unpaid'
  status: 'open' | 'complete' | 'expired'
  subscription: string | null
  success_url: string | null
  url: string | null
}

export interface Item {
  id: string
  object: 'subscription_item'
  created: number
  current_period_start: number
  current_period_end: number
  metadata: Record<string, string>
  price: Price
  quantity: 1
  subscription: string
}

export interface Subscription extends Common {
  object: 'subscription'
  billing_cycle_anchor: number
  cancel_at: number | null
  cancel_at_period_end: boolean
  canceled_at: number | null
  collection_method: 'charge_automatically'
  currency: 'usd'
  customer: string
  ended_at: number | null
  items: List<Item>
  latest_invoice: string
  schedule: null
  start_date: number
  status: 'active' | 'past_due' | 'unpaid' | 'canceled'
}

export interface Invoice extends Common {
  object: 'invoice'
  amount_due: number
  amount_paid: number
  billing_reason: 'subscription_create' | 'subscription_cycle' | 'subscription_update'
  currency: 'usd'
  customer: string
  parent: { type: 'subscription_details'; quote_details: null; subscription_details: { subscription: string } }
  status: 'paid' | 'open' | 'void'
  total: number
}

export interface InvoicePayment extends Omit<Common, 'metadata'> {
  object: 'invoice_payment'
  amount_paid: number
  amount_requested: number
  currency: 'usd'
  invoice: string
  is_default: true
  payment: { type: 'payment_intent'; payment_intent: string }
  status: 'paid'
}

export interface Refund extends Omit<Common, 'livemode'> {
  object: 'refund'
  amount: number
  currency: 'usd'
  payment_intent: string
  reason: string | null
  status: 'succeeded'
}

export interface PortalConfiguration extends Common {
  object: 'billing_portal.configuration'
  active: true
  features: object
  is_default: false
}

export interface PortalSession extends Omit<Common, 'metadata'> {
  object: 'billing_portal.session'
  configuration: string
  customer: string
  /** What is to be confirmed; null: all pages. */
  flow: {
    type: 'subscription_update_confirm'
    subscription_update_confirm: { subscription: string; price: string }
  } | null
  return_url: string | null
  url: string
}

export interface Event extends Omit<Common, 'metadata'> {
  object: 'event'
  api_version: string
  data: { object: object }
  pending_webhooks: number
  request: { id: string | null; idempotency_key: string | null }
  type: string
}

export interface List<T> {
  object: 'list'
  data: T[]
  has_more: boolean
  url: string
}

export const listOf = <T>(url: string, data: T[], has_more = false): List<T> => ({
  object: 'list',
  data,
  has_more,
  url,
})
