/**
 * The room of Stripe: customers, checkout, subscriptions and signed events, by the official client. It owns Stripe's
 * language and the words in which a call can fail. It refuses to know what a plan includes, who may have it and when
 * to ask again.
 */

/** What is paid for, by the name of the plan. */
export type PaidPlan = 'growth' | 'scale'

/**
 * `missing`: what the call is about is not at Stripe, or not any more. `refused`: to ask again is of no use, with the same key
 * least of all: it would get the same answer. `away`: whether it was done is not known; the same key may be tried again.
 * `reason` is for the log, and holds no secret.
 */
export type Outcome<T> =
  | { kind: 'done'; value: T }
  | { kind: 'missing'; reason: string }
  | { kind: 'refused'; reason: string }
  | { kind: 'away'; reason: string }

export interface Stripe {
  /** Checks the signature over the bytes, their age, the mode and the account. */
  eventOf(signed: { body: Uint8Array; signature: string | undefined; nowMs: number }): Promise<SignedEvent>
  /** Whose key it is. Null: the key may not ask that. */
  account(): Promise<Outcome<Account | null>>
  /** The same `key` makes one customer, however often and by whomever it is asked for within a day; so below. */
  createCustomer(of: { tenantId: string; name: string; email: string; key: string }): Promise<Outcome<{ id: string }>>
  /** All there ever were, ended ones too; the newest 500. */
  subscriptions(customerId: string): Promise<Outcome<Subscription[]>>
  openCheckout(wanted: WantedCheckout): Promise<Outcome<Checkout>>
  checkout(id: string): Promise<Outcome<Checkout>>
  /** So that nobody can pay it any more; `refused` when it is paid or over. */
  expireCheckout(id: string): Promise<Outcome<Checkout>>
  /** Stripe's pages on which customers change their cards and plans; with `change`, the page that confirms that one. */
  openPortal(of: {
    customerId: string
    returnUrl: string
    change: { subscriptionId: string; plan: PaidPlan } | null
  }): Promise<Outcome<{ id: string; url: string }>>
  /** Gives back what its newest invoice has cost, then cancels it at once. May be repeated: nothing is paid back twice. */
  cancelAndRefund(subscriptionId: string): Promise<Outcome<{ refunded: boolean }>>
}

/** What is in one mode is unknown to keys of the other. */
export interface Account {
  id: string
  mode: 'live' | 'test'
}

/** `customerId` null: it is about nobody's account. */
export type SignedEvent =
  | { kind: 'good'; id: string; type: string; customerId: string | null }
  | { kind: 'bad'; reason: string }
  | { kind: 'away'; reason: string }

export interface Subscription {
  id: string
  /** Null: its price is none of the settings'. */
  plan: PaidPlan | null
  status: string
  createdAt: Date
  /** What its months are counted from. */
  anchor: Date
  periodStart: Date
  periodEnd: Date
  /** When it ends, if it is to. */
  endsAt: Date | null
}

export interface WantedCheckout {
  tenantId: string
  customerId: string
  plan: PaidPlan
  expiresAt: Date
  successUrl: string
  cancelUrl: string
  key: string
}

export interface Checkout {
  id: string
  /** Null once it is over. */
  url: string | null
  status: 'open' | 'complete' | 'expired'
  expiresAt: Date
}
