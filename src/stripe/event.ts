import type StripeClient from 'stripe'
import type { Account, SignedEvent, Stripe } from './stripe.ts'

const AGE_MAX_SECONDS = 300

/** Reads what claims to be an event of this account, in the mode of this key. */
export function eventReader(
  client: StripeClient,
  { webhookSecret, mode, account }: { webhookSecret: string; mode: Account['mode']; account: Stripe['account'] },
): Stripe['eventOf'] {
  return async ({ body, signature, nowMs }) => {
    if (signature === undefined) return bad('the header Stripe-Signature is missing')
    let event: StripeClient.Event
    try {
      event = client.webhooks.constructEvent(body, signature, webhookSecret, AGE_MAX_SECONDS, undefined, nowMs)
    } catch {
      return bad('the signature is not ours, or more than 5 minutes old')
    }
    if (event?.object !== 'event' || typeof event.id !== 'string' || typeof event.type !== 'string') {
      return bad('it is no event')
    }
    if (event.livemode !== (mode === 'live')) {
      return bad(`it is of ${event.livemode ? 'live' : 'test'} mode, and the key is not`)
    }
    if (event.account !== undefined) {
      // Only an event of an account that is connected to some other says whose it is.
      const own = await account()
      if (own.kind === 'away') return own
      if (own.kind !== 'done' || own.value?.id !== event.account) return bad('it is of another account')
    }
    return { kind: 'good', id: event.id, type: event.type, customerId: customerIn(event.data?.object) }
  }
}

const bad = (reason: string): SignedEvent => ({ kind: 'bad', reason })

/** Whose account it is about. Nothing else of what it tells is believed. */
function customerIn(object: unknown): string | null {
  if (typeof object !== 'object' || object === null) return null
  const { object: type, id, customer } = object as Record<string, unknown>
  const named = type === 'customer' ? id : customer
  const found = typeof named === 'object' && named !== null ? (named as { id?: unknown }).id : named
  return typeof found === 'string' ? found : null
}
