import { setTimeout as sleep } from 'node:timers/promises'
import type { App } from '../../context.ts'
import { hearCustomer } from '../../db/queries/billing.ts'
import { ApiError, invalid, unavailable } from '../../errors.ts'
import { agree } from './agree.ts'
import { checkSoon, StripeTrouble, stripeOf } from './at-stripe.ts'

/** Stripe is answered by then, whatever it takes to ask it: else it sends the event again, and others wait behind it. */
const ANSWER_MS = 5_000

/**
 * Stripe says that something has changed. What, it is asked: events come in any order and more than once. That there is
 * news is written down first; what cannot be read now, the clock reads.
 */
export async function onStripeEvent(
  app: App,
  { body, signature }: { body: Uint8Array; signature: string | undefined },
): Promise<void> {
  const event = await stripeOf(app).eventOf({ body, signature, nowMs: app.clock.nowMs() })
  if (event.kind === 'bad') throw invalid({ 'Stripe-Signature': event.reason })
  if (event.kind === 'away') throw unavailable('Billing cannot be reached right now', new StripeTrouble(event))
  if (event.customerId === null) return
  const news = await hearCustomer(app.db.sql, { customerId: event.customerId, checkAt: checkSoon(app) })
  if (!news) return
  const { tenantId, heard } = news
  const agreed = app.turns
    .take(tenantId, () => agree(app, tenantId, heard))
    .catch(error => {
      if (!(error instanceof ApiError)) throw error
      app.log.warn({ tenantId, err: error.cause ?? error }, 'an event of Stripe is looked at later')
    })
  const isLate = await Promise.race([agreed.then(() => false), sleep(ANSWER_MS, true, { ref: false })])
  if (isLate) agreed.catch(err => app.log.error({ tenantId, err }, 'an event of Stripe is looked at later'))
}
