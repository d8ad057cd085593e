import { randomBytes } from 'node:crypto'
import type { Clock } from '../clock.ts'
import {
  API_VERSION,
  type Customer,
  type Event,
  type Invoice,
  type InvoicePayment,
  type Item,
  listOf,
  type PortalConfiguration,
  type PortalSession,
  type Price,
  type Refund,
  type Session,
  type Subscription,
} from './objects.ts'
import { StripeTrouble, wrong } from './trouble.ts'

/** What Stripe remembers of one account, in memory, and what happens to it. */
export class State {
  readonly customers = new Map<string, Customer>()
  readonly prices = new Map<string, Price>()
  readonly sessions = new Map<string, Session>()
  readonly subscriptions = new Map<string, Subscription>()
  readonly invoices = new Map<string, Invoice>()
  readonly payments = new Map<string, InvoicePayment>()
  readonly refunds = new Map<string, Refund>()
  readonly configurations = new Map<string, PortalConfiguration>()
  readonly portals = new Map<string, PortalSession>()
  /** What each session sells. */
  readonly wanted = new Map<string, Price>()
  /** Prices that subscriptions are to have from their next period on. */
  readonly scheduled = new Map<string, Price>()
  readonly accountId = 'acct_sandbox'
  readonly #clock: Clock
  readonly #onEvent: (event: Event) => void
  #lastSeconds = 0

  constructor(options: {
    clock: Clock
    prices: { id: string; name: string; cents: number }[]
    onEvent: (event: Event) => void
  }) {
    this.#clock = options.clock
    this.#onEvent = options.onEvent
    for (const { id, name, cents } of options.prices) {
      this.prices.set(id, {
        ...this.common(id),
        object: 'price',
        active: true,
        currency: 'usd',
        nickname: name,
        product: `prod_${id.replace(/^price_/, '')}`,
        recurring: { interval: 'month', interval_count: 1 },
        type: 'recurring',
        unit_amount: cents,
      })
    }
  }

  get now(): number {
    return Math.floor(this.#clock.nowMs() / 1000)
  }

  /** Two subscriptions of one second are told apart, so that it is known which is newer. */
  #createdNext(): number {
    return (this.#lastSeconds = Math.max(this.now, this.#lastSeconds + 1))
  }

  common(id: string) {
    return { id, created: this.now, livemode: false as const, metadata: {} as Record<string, string> }
  }

  tell(type: string, object: object): void {
    const { metadata: _, ...common } = this.common(newId('evt'))
    this.#onEvent({
      ...common,
      object: 'event',
      api_version: API_VERSION,
      data: { object: structuredClone(object) },
      pending_webhooks: 1,
      request: { id: null, idempotency_key: null },
      type,
    })
  }

  /** Somebody pays on the page. */
  pay(session: Session): Subscription {
    if (session.status !== 'open') throw wrong('This checkout is over.')
    const price = this.wanted.get(session.id)!
    const id = newId('sub')
    const common = { ...this.common(id), created: this.#createdNext() }
    const start = this.now
    const item: Item = {
      id: newId('si'),
      object: 'subscription_item',
      created: common.created,
      current_period_start: start,
      current_period_end: monthAfter(start, start),
      metadata: {},
      price,
      quantity: 1,
      subscription: id,
    }
    const subscription: Subscription = {
      ...common,
      object: 'subscription',
      metadata: session.metadata,
      billing_cycle_anchor: start,
      cancel_at: null,
      cancel_at_period_end: false,
      canceled_at: null,
      collection_method: 'charge_automatically',
      currency: 'usd',
      customer: session.customer,
      ended_at: null,
      items: listOf(`/v1/subscription_items?subscription=${id}`, [item]),
      latest_invoice: '',
      schedule: null,
      start_date: start,
      status: 'active',
    }
    this.subscriptions.set(id, subscription)
    const invoice = this.#bill(subscription, 'subscription_create', true)
    Object.assign(session, {
      status: 'complete',
      payment_status: 'paid',
      url: null,
      subscription: id,
      invoice: invoice.id,
    })
    this.tell('customer.subscription.created', subscription)
    this.tell('invoice.paid', invoice)
    this.tell('checkout.session.completed', session)
    return subscription
  }

  expire(session: Session): void {
    if (session.status !== 'open') {
      throw wrong(`Only Checkout Sessions with a status in ["open"] can be expired. This one is ${session.status}.`)
    }
    Object.assign(session, { status: 'expired', url: null })
    this.tell('checkout.session.expired', session)
  }

  /** The end of what is paid for: the next month is paid, or not, or there is none. */
  nextPeriod(subscription: Subscription, isPaid = true): void {
    assertLive(subscription)
    const item = subscription.items.data[0]!
    if (subscription.cancel_at_period_end) {
      this.cancel(subscription)
      return
    }
    const price = this.scheduled.get(subscription.id)
    this.scheduled.delete(subscription.id)
    if (price) item.price = price
    item.current_period_start = item.current_period_end
    item.current_period_end = monthAfter(subscription.billing_cycle_anchor, item.current_period_start)
    subscription.status = isPaid ? 'active' : 'past_due'
    const invoice = this.#bill(subscription, 'subscription_cycle', isPaid)
    this.tell('customer.subscription.updated', subscription)
    this.tell(isPaid ? 'invoice.paid' : 'invoice.payment_failed', invoice)
  }

  /** What was late is paid. */
  payLate(subscription: Subscription): void {
    const invoice = this.invoices.get(subscription.latest_invoice)!
    if (invoice.status !== 'open') throw wrong('Nothing is owed.')
    this.#settle(invoice)
    subscription.status = 'active'
    this.tell('invoice.paid', invoice)
    this.tell('customer.subscription.updated', subscription)
  }

  /** A dearer price begins a month of its own, a cheaper one comes with the next; nothing is prorated. */
  change(subscription: Subscription, price: Price): void {
    assertLive(subscription)
    const item = subscription.items.data[0]!
    if (price.unit_amount < item.price.unit_amount) {
      this.scheduled.set(subscription.id, price)
    } else {
      this.scheduled.delete(subscription.id)
      subscription.billing_cycle_anchor = this.now
      Object.assign(item, { price, current_period_start: this.now, current_period_end: monthAfter(this.now, this.now) })
      this.tell('invoice.paid', this.#bill(subscription, 'subscription_update', true))
    }
    this.tell('customer.subscription.updated', subscription)
  }

  cancelLater(subscription: Subscription, isWanted: boolean): void {
    assertLive(subscription)
    const end = subscription.items.data[0]!.current_period_end
    Object.assign(subscription, { cancel_at_period_end: isWanted, cancel_at: isWanted ? end : null })
    this.tell('customer.subscription.updated', subscription)
  }

  cancel(subscription: Subscription): void {
    assertLive(subscription)
    Object.assign(subscription, { status: 'canceled', canceled_at: this.now, ended_at: this.now })
    this.tell('customer.subscription.deleted', subscription)
  }

  refund(paymentIntent: string, reason: string | null): Refund {
    const payment = [...this.payments.values()].find(each => each.payment.payment_intent === paymentIntent)
    if (!payment) throw wrong(`No such payment_intent: '${paymentIntent}'`, 'payment_intent')
    if ([...this.refunds.values()].some(each => each.payment_intent === paymentIntent)) {
      throw new StripeTrouble(400, {
        code: 'charge_already_refunded',
        message: 'This charge has already been refunded.',
      })
    }
    const { livemode: _, ...common } = this.common(newId('re'))
    const refund: Refund = {
      ...common,
      object: 'refund',
      amount: payment.amount_paid,
      currency: 'usd',
      payment_intent: paymentIntent,
      reason,
      status: 'succeeded',
    }
    this.refunds.set(refund.id, refund)
    this.tell('refund.created', refund)
    return refund
  }

  #bill(subscription: Subscription, reason: Invoice['billing_reason'], isPaid: boolean): Invoice {
    const total = subscription.items.data[0]!.price.unit_amount
    const invoice: Invoice = {
      ...this.common(newId('in')),
      object: 'invoice',
      amount_due: total,
      amount_paid: 0,
      billing_reason: reason,
      currency: 'usd',
      customer: subscription.customer,
      parent: {
        type: 'subscription_details',
        quote_details: null,
        subscription_details: { subscription: subscription.id },
      },
      status: 'open',
      total,
    }
    this.invoices.set(invoice.id, invoice)
    subscription.latest_invoice = invoice.id
    if (isPaid) this.#settle(invoice)
    return invoice
  }

  #settle(invoice: Invoice): void {
    Object.assign(invoice, { status: 'paid', amount_paid: invoice.total })
    const { metadata: _, ...common } = this.common(newId('inpay'))
    this.payments.set(common.id, {
      ...common,
      object: 'invoice_payment',
      amount_paid: invoice.total,
      amount_requested: invoice.total,
      currency: 'usd',
      invoice: invoice.id,
      is_default: true,
      payment: { type: 'payment_intent', payment_intent: newId('pi') },
      status: 'paid',
    })
  }
}

export const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`

function assertLive({ id, status }: Subscription): void {
  if (status === 'canceled')
    throw new StripeTrouble(404, { code: 'resource_missing', message: `No such subscription: '${id}'`, param: 'id' })
}

/** The first instant after `seconds` that lies whole months after the anchor, on its day or the last of the month. */
function monthAfter(anchorSeconds: number, seconds: number): number {
  const anchor = new Date(anchorSeconds * 1000)
  for (let months = 1; ; months++) {
    const date = new Date(anchor)
    date.setUTCDate(1)
    date.setUTCMonth(anchor.getUTCMonth() + months)
    const lastDay = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
    date.setUTCDate(Math.min(anchor.getUTCDate(), lastDay))
    if (date.getTime() / 1000 > seconds) return Math.floor(date.getTime() / 1000)
  }
}
