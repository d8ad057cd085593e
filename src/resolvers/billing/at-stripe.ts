import type { App } from '../../context.ts'
import { billingNotConfigured, unavailable } from '../../errors.ts'
import type { Outcome, Stripe } from '../../stripe/stripe.ts'

/** Stripe, or 409: billing is off. */
export function stripeOf({ stripe }: Pick<App, 'stripe'>): Stripe {
  if (!stripe) throw billingNotConfigured()
  return stripe
}

/** What came of a call that had to succeed: 503, and why in the log. */
export function done<T>(outcome: Outcome<T>): T {
  if (outcome.kind === 'done') return outcome.value
  throw unavailable('Billing cannot be reached right now', new StripeTrouble(outcome))
}

/** For the log. */
export class StripeTrouble extends Error {
  override name = 'StripeTrouble'

  constructor({ kind, reason }: { kind: string; reason: string }) {
    super(`${kind}: ${reason}`)
  }
}

/** Whoever has heard of news is given so long before another one looks. */
const HEARD_MS = 15_000

export const checkSoon = ({ clock }: Pick<App, 'clock'>): Date => new Date(clock.nowMs() + HEARD_MS)
