import { createHash } from 'node:crypto'
import type StripeClient from 'stripe'
import type { PaidPlan, Stripe } from './stripe.ts'

/**
 * The pages on which customers change their plan. What they may do there is a configuration at Stripe, made by the first
 * who needs it: a dearer plan begins at once with a month of its own, at its full price; a cheaper one, or none, comes
 * when what is paid for ends. Nothing is prorated.
 */
export function createPortal(client: StripeClient, prices: Record<PaidPlan, readonly string[]>) {
  const sold = Object.values(prices).map(([first]) => first!)
  const mark = createHash('sha256')
    .update(`1 ${sold.join(' ')}`)
    .digest('hex')
    .slice(0, 16)
  let known: Promise<string> | undefined

  async function configuration(): Promise<string> {
    const active = client.billingPortal.configurations.list({ active: true, limit: 100 })
    for await (const { id, metadata } of active) if (metadata?.wataki === mark) return id
    const found = await Promise.all(sold.map(id => client.prices.retrieve(id)))
    const products = found.map(({ id, product }) => ({
      product: typeof product === 'string' ? product : product.id,
      prices: [id],
    }))
    // Without a key of ours: one that has failed would fail for everybody for a day. Two of them do no harm, and are alike.
    const made = await client.billingPortal.configurations.create({
      metadata: { wataki: mark },
      features: {
        customer_update: { enabled: true, allowed_updates: ['email', 'address', 'tax_id'] },
        invoice_history: { enabled: true },
        payment_method_update: { enabled: true },
        subscription_cancel: { enabled: true, mode: 'at_period_end', proration_behavior: 'none' },
        subscription_update: {
          enabled: true,
          default_allowed_updates: ['price'],
          products,
          proration_behavior: 'none',
          billing_cycle_anchor: 'now',
          schedule_at_period_end: { conditions: [{ type: 'decreasing_item_amount' }] },
        },
      },
    })
    return made.id
  }

  async function open(of: Parameters<Stripe['openPortal']>[0]): Promise<{ id: string; url: string }> {
    known ??= configuration()
    known.catch(() => (known = undefined))
    const { id, url } = await client.billingPortal.sessions.create({
      customer: of.customerId,
      configuration: await known,
      return_url: of.returnUrl,
      ...(of.change && { flow_data: await flowOf(of.change, of.returnUrl) }),
    })
    return { id, url }
  }

  async function flowOf({ subscriptionId, plan }: { subscriptionId: string; plan: PaidPlan }, returnUrl: string) {
    const { items } = await client.subscriptions.retrieve(subscriptionId)
    const { id } = items.data.find(item => Object.values(prices).flat().includes(item.price.id)) ?? items.data[0]!
    return {
      type: 'subscription_update_confirm' as const,
      subscription_update_confirm: {
        subscription: subscriptionId,
        items: [{ id, price: prices[plan][0]!, quantity: 1 }],
      },
      after_completion: { type: 'redirect' as const, redirect: { return_url: returnUrl } },
    }
  }

  return { open }
}
