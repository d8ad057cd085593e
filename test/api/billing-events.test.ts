import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Event, Subscription } from '../../src/stripe-sandbox/objects.ts'
import type { Caller, Json } from '../support/app.ts'
import { rowsOf } from '../support/auth.ts'
import { type Billing, openBilling, postEvent, WEBHOOK_SECRET } from '../support/stripe.ts'

let billing: Billing
beforeAll(async () => {
  billing = await openBilling({ variables: { SANDBOX: 'off' } })
})
afterAll(() => billing.close())

const audits = async (caller: Caller, action: string): Promise<Json[]> =>
  rowsOf(billing.wataki, 'select target from audit_log where tenant_id = $1 and action = $2', [caller.tenantId, action])

function orders<T>(items: T[]): T[][] {
  if (items.length <= 1) return [items]
  return items.flatMap((item, n) => orders(items.toSpliced(n, 1)).map(rest => [item, ...rest]))
}

/** Stripe's own word on what a customer has, as the API tells it. */
function planAtStripe(subscriptions: Subscription[]): string {
  const [live] = subscriptions.filter(({ status }) => status === 'active')
  return live ? { price_growth: 'growth', price_scale: 'scale' }[live.items.data[0]!.price.id]! : 'free'
}

/** Five events whose payloads contradict each other; the last word at Stripe differs from story to story. */
const STORIES: Record<string, (subscription: Subscription) => void> = {
  'a plan that was changed': subscription => billing.stripe.state.change(subscription, price('price_scale')),
  'a plan that was cancelled': subscription => billing.stripe.state.cancel(subscription),
}
const price = (id: string) => billing.stripe.state.prices.get(id)!

async function told(story: string): Promise<{ caller: Caller; events: Event[] }> {
  const caller = await billing.wataki.tenant()
  const from = billing.stripe.events.length
  const subscription = await billing.subscribe(caller, 'growth')
  billing.stripe.state.cancelLater(subscription, true)
  billing.stripe.state.cancelLater(subscription, false)
  STORIES[story]!(subscription)
  const wanted = billing.eventsOf(caller, from).filter(({ type }) => type !== 'customer.created')
  const types = ['customer.subscription.created', 'checkout.session.completed', 'customer.subscription.updated']
  const chosen = wanted.filter(({ type }) => types.includes(type)).slice(0, 4)
  return { caller, events: [...chosen, wanted.at(-1)!] }
}

describe('five events in each of 120 orders, each of them three times', () => {
  for (const story of Object.keys(STORIES)) {
    it(`end in Stripe's own state, with what follows from it once: ${story}`, { timeout: 600_000 }, async () => {
      let n = 0
      // Both stories share the orders: each has all of them, and every second one in full.
      for (const order of orders([0, 1, 2, 3, 4])) {
        const { caller, events } = await told(story)
        expect(new Set(events.map(({ id }) => id)).size).toBe(5)
        const replayed = order.flatMap(at => [events[at]!, events[at]!, events[at]!])
        for (const event of replayed) expect((await billing.tell(event)).status).toBe(200)
        const final = planAtStripe(billing.subscriptionsOf(caller))
        const why = `order ${order}`
        expect([await billing.planOf(caller), final], why).toEqual([
          final,
          story.endsWith('changed') ? 'scale' : 'free',
        ])
        // The first event that comes finds the end of the story already.
        expect(await audits(caller, 'tenant.plan_changed'), why).toHaveLength(final === 'free' ? 0 : 1)
        n++
      }
      expect(n).toBe(120)
    })
  }

  it('end there, too, when they come as it happens and all again at once', { timeout: 120_000 }, async () => {
    const caller = await billing.wataki.tenant()
    const { state } = billing.stripe
    const subscription = await billing.subscribe(caller, 'growth')
    const tellAll = () => Promise.all(billing.eventsOf(caller).map(event => billing.tell(event)))
    await tellAll()
    expect(await billing.planOf(caller)).toBe('growth')
    state.change(subscription, price('price_scale'))
    await tellAll()
    expect(await billing.planOf(caller)).toBe('scale')
    state.cancel(subscription)
    const answers = await tellAll()
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    expect(await billing.planOf(caller)).toBe('free')
    expect(await audits(caller, 'tenant.plan_changed')).toHaveLength(3)
  })
})

describe('an event', () => {
  it('is refused, and changes nothing, unless it is signed, fresh, of this account and of this mode', async () => {
    const caller = await billing.wataki.tenant()
    await billing.subscribe(caller, 'growth')
    const event = billing.eventsOf(caller).at(-1)!
    const calls = billing.stripe.calls.length
    const [before] = await rowsOf(billing.wataki, 'select * from billing where tenant_id = $1', [caller.tenantId])
    const body = JSON.stringify(event)
    const refused: [string, object, Parameters<typeof postEvent>[2]][] = [
      ['no signature', event, { header: null }],
      ['an empty signature', event, { header: '' }],
      ['no signature that can be read', event, { header: 'v1=abc' }],
      ['that of another secret', event, { secret: 'whsec_another0123456789' }],
      ['that of another body', event, { body: `${body} ` }],
      ['one that is 301 s old', event, { age: 301 }],
      ['live mode', { ...event, livemode: true }, {}],
      ['another account', { ...event, account: 'acct_other' }, {}],
      ['no event', { hello: 'world' }, {}],
      ['no object', [1], {}],
    ]
    for (const [what, signed, signing] of refused) {
      const answer = await billing.tell(signed, signing)
      expect([answer.status, answer.body.error.code], what).toEqual([400, 'validation_error'])
      expect(JSON.stringify(answer.body)).not.toContain(WEBHOOK_SECRET)
    }
    const [after] = await rowsOf(billing.wataki, 'select * from billing where tenant_id = $1', [caller.tenantId])
    expect(after).toEqual(before)
    // Whose key it is may be asked, and nothing else.
    expect(billing.stripe.calls.slice(calls).filter(call => call !== 'GET /v1/account')).toEqual([])
    expect(await billing.planOf(caller)).toBe('free')
    expect((await billing.tell({ ...event, account: 'acct_sandbox' }, { age: 290 })).status).toBe(200)
    expect(await billing.planOf(caller)).toBe('growth')
  })

  it('is answered while what follows from it still waits', async () => {
    const caller = await billing.wataki.tenant()
    await billing.subscribe(caller, 'growth')
    const { turns } = billing.wataki.app
    const before = Promise.withResolvers<void>()
    const held = turns.take(caller.tenantId, () => before.promise)
    expect((await billing.tell(billing.eventsOf(caller).at(-1)!)).status).toBe(200)
    expect(await billing.planOf(caller)).toBe('free')
    before.resolve()
    await held
    await turns.take(caller.tenantId, async () => {})
    expect(await billing.planOf(caller)).toBe('growth')
  }, 30_000)

  it('is taken and left alone when it is about nobody here, or of a kind that says nothing', async () => {
    const common = { id: 'evt_1', object: 'event', livemode: false }
    for (const event of [
      { ...common, type: 'customer.updated', data: { object: { object: 'customer', id: 'cus_unknown' } } },
      { ...common, type: 'price.created', data: { object: { object: 'price', id: 'price_1' } } },
      { ...common, type: 'v2.something' },
    ]) {
      expect((await billing.tell(event)).status).toBe(200)
    }
  })

  it('that is too large is 413', async () => {
    const answer = await billing.tell({ object: 'event', padding: 'x'.repeat(1_100_000) })
    expect([answer.status, answer.body.error.code]).toEqual([413, 'payload_too_large'])
  })

  it('costs nobody any allowance; who signs wrongly is a stranger, and never in the way of Stripe', async () => {
    const strict = await openBilling({
      variables: { SANDBOX: 'off', RATE_LIMIT_PER_MINUTE: '5' },
      stripe: billing.stripe,
    })
    const { wataki } = strict
    try {
      const event = { id: 'evt_1', object: 'event', livemode: false, type: 'x', data: { object: {} } }
      for (let n = 0; n < 10; n++) expect((await postEvent(wataki.url, event)).status).toBe(200)
      const statuses: number[] = []
      for (let n = 0; n < 7; n++) statuses.push((await postEvent(wataki.url, event, { header: null })).status)
      expect(statuses).toEqual([400, 400, 400, 400, 400, 429, 429])
      expect((await postEvent(wataki.url, event)).status).toBe(200)
    } finally {
      await wataki.close()
    }
  })
})
