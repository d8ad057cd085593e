import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, connectedInstance, openTestApp, until } from '../support/app.ts'
import { rowsOf } from '../support/auth.ts'
import { type Billing, openBilling } from '../support/stripe.ts'

let billing: Billing
beforeAll(async () => {
  billing = await openBilling()
})
afterAll(() => billing.close())

const plan = (caller: Caller) => billing.planOf(caller)
const audits = async (caller: Caller, action: string) =>
  rowsOf(billing.wataki, 'select target, actor from audit_log where tenant_id = $1 and action = $2', [
    caller.tenantId,
    action,
  ])

describe('plans', () => {
  it('are told to anybody', async () => {
    const answer = await fetch(`${billing.wataki.url}/v1/billing/plans`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({
      data: [
        { id: 'free', name: 'Free', price_cents: 0, included_messages: 100 },
        { id: 'growth', name: 'Growth', price_cents: 2900, included_messages: 5000 },
        { id: 'scale', name: 'Scale', price_cents: 9900, included_messages: 25_000 },
      ],
    })
  })
})

describe('usage', () => {
  it('tells the plan, the cycle from the sign-up, and what is left', async () => {
    const caller = await billing.wataki.tenant()
    const { status, body } = await caller.get('/v1/billing/usage')
    const { body: me } = await caller.get('/v1/auth/me')
    expect(status).toBe(200)
    expect(body).toEqual({
      plan: { id: 'free', name: 'Free', price_cents: 0, included_messages: 100 },
      billing_cycle: { start: me.created_at, end: expect.any(String), days_remaining: expect.any(Number) },
      usage: { sent: 0, included: 100, remaining: 100 },
    })
    expect(body.billing_cycle.days_remaining).toBeGreaterThanOrEqual(28)
    expect((await fetch(`${billing.wataki.url}/v1/billing/usage`)).status).toBe(401)
  })

  it('counts what was sent', async () => {
    const caller = await billing.wataki.tenant()
    const id = await connectedInstance(caller)
    const message = { chat_id: '5511900000001', type: 'text', content: { text: 'x' } }
    expect((await caller.post(`/v1/instances/${id}/messages`, message)).status).toBe(202)
    expect((await caller.get('/v1/billing/usage')).body.usage).toEqual({ sent: 1, included: 100, remaining: 99 })
  })
})

describe('upgrade', () => {
  it('gives a checkout; the plan changes on the signed event and never before', async () => {
    const caller = await billing.wataki.tenant()
    const { status, body } = await caller.post('/v1/billing/upgrade', { plan: 'growth' })
    expect(status).toBe(200)
    expect(body).toEqual({
      plan: 'growth',
      checkout_url: `${billing.stripe.url}/c/pay/${body.session_id}`,
      session_id: expect.stringMatching(/^cs_test_/),
    })
    const session = billing.stripe.state.sessions.get(body.session_id)!
    expect([session.client_reference_id, session.metadata.tenant_id]).toEqual([caller.tenantId, caller.tenantId])
    const paid = await fetch(body.checkout_url, { method: 'POST', body: 'do=pay', redirect: 'manual' })
    expect([paid.status, paid.headers.get('location')]).toEqual([303, 'http://localhost:0/?billing=paid'])
    expect(await plan(caller)).toBe('free')
    const completed = billing.eventsOf(caller).find(event => event.type === 'checkout.session.completed')!
    const answer = await billing.tell(completed)
    expect([answer.status, answer.body]).toEqual([200, { received: true }])
    const { body: after } = await caller.get('/v1/billing/usage')
    expect([after.plan.id, after.usage.included]).toEqual(['growth', 5000])
    const [subscription] = billing.subscriptionsOf(caller)
    expect(after.billing_cycle.start).toBe(new Date(subscription!.billing_cycle_anchor * 1000).toISOString())
    expect(await audits(caller, 'tenant.plan_changed')).toEqual([
      { target: caller.tenantId, actor: { kind: 'stripe', id: subscription!.id } },
    ])
  })

  it('is left as it was by a page that was declined or left', async () => {
    const caller = await billing.wataki.tenant()
    const { body } = await caller.post('/v1/billing/upgrade', { plan: 'growth' })
    const press = (what: string) => fetch(body.checkout_url, { method: 'POST', body: `do=${what}`, redirect: 'manual' })
    expect(await (await fetch(body.checkout_url)).text()).toContain('Pay')
    expect(await (await press('decline')).text()).toContain('declined')
    expect((await press('cancel')).headers.get('location')).toBe('http://localhost:0/?billing=cancelled')
    expect((await caller.post('/v1/billing/upgrade', { plan: 'growth' })).body).toEqual(body)
    expect(await plan(caller)).toBe('free')
  })

  it('takes a checkout for another plan out of the way, and one that is over', async () => {
    const caller = await billing.wataki.tenant()
    const ids: string[] = []
    for (const wanted of ['growth', 'scale', 'growth']) {
      ids.push((await caller.post('/v1/billing/upgrade', { plan: wanted })).body.session_id)
    }
    const statuses = () => ids.map(id => billing.stripe.state.sessions.get(id)!.status)
    expect(new Set(ids).size).toBe(3)
    expect(statuses()).toEqual(['expired', 'expired', 'open'])
    billing.stripe.state.expire(billing.stripe.state.sessions.get(ids[2]!)!)
    const { body } = await caller.post('/v1/billing/upgrade', { plan: 'growth' })
    expect(billing.stripe.state.sessions.get(body.session_id)!.status).toBe('open')
  })

  it('of who has a subscription leads to the page that confirms the change: dearer at once, cheaper at the end', async () => {
    const caller = await billing.wataki.tenant()
    const subscription = await billing.subscribe(caller, 'growth')
    const news = async () => billing.tell(billing.eventsOf(caller).at(-1)!)
    await news()
    const same = await caller.post('/v1/billing/upgrade', { plan: 'growth' })
    expect([same.status, same.body.error.details]).toEqual([400, { plan: 'is the one that you are on' }])
    const up = await caller.post('/v1/billing/upgrade', { plan: 'scale' })
    expect([up.status, up.body.session_id]).toEqual([200, expect.stringMatching(/^bps_/)])
    expect(await plan(caller)).toBe('growth')
    const confirm = (url: string) => fetch(url, { method: 'POST', body: 'do=confirm', redirect: 'manual' })
    expect((await confirm(up.body.checkout_url)).status).toBe(303)
    await news()
    expect(await plan(caller)).toBe('scale')
    const down = await caller.post('/v1/billing/upgrade', { plan: 'growth' })
    await confirm(down.body.checkout_url)
    await news()
    expect(await plan(caller)).toBe('scale')
    billing.stripe.state.nextPeriod(subscription)
    await news()
    expect(await plan(caller)).toBe('growth')
    expect(billing.subscriptionsOf(caller)).toHaveLength(1)
  })

  it('of who has cancelled leads to the pages on which that is taken back, whatever the plan', async () => {
    const caller = await billing.wataki.tenant()
    const subscription = await billing.subscribe(caller, 'growth')
    billing.stripe.state.cancelLater(subscription, true)
    for (const wanted of ['growth', 'scale']) {
      const { body } = await caller.post('/v1/billing/upgrade', { plan: wanted })
      expect(billing.stripe.state.portals.get(body.session_id)).toMatchObject({ flow: null })
    }
    billing.stripe.state.cancelLater(subscription, false)
    const { body } = await caller.post('/v1/billing/upgrade', { plan: 'scale' })
    const change = { subscription: subscription.id, price: 'price_scale' }
    expect(billing.stripe.state.portals.get(body.session_id)!.flow).toMatchObject({
      subscription_update_confirm: change,
    })
  })

  it('refuses the plan that costs nothing, and what is no plan', async () => {
    const caller = await billing.wataki.tenant()
    for (const body of [{ plan: 'free' }, { plan: 'huge' }, {}, { plan: 'growth', seats: 2 }]) {
      const answer = await caller.post('/v1/billing/upgrade', body)
      expect([answer.status, answer.body.error.code]).toEqual([400, 'validation_error'])
    }
  })

  it('runs once for an Idempotency-Key', async () => {
    const caller = await billing.wataki.tenant()
    const ask = () => caller.post('/v1/billing/upgrade', { plan: 'scale' }, { 'idempotency-key': 'k' })
    const first = await ask()
    const second = await ask()
    expect([second.body, second.headers.get('idempotency-replayed')]).toEqual([first.body, 'true'])
  })

  it('is 409 while billing is off, and so are its events', async () => {
    const off = await openTestApp({ SANDBOX: 'off' })
    try {
      const caller = await off.tenant()
      const asked = await caller.post('/v1/billing/upgrade', { plan: 'growth' })
      expect([asked.status, asked.body.error.code]).toEqual([409, 'billing_not_configured'])
      const event = await caller.post('/v1/billing/stripe-webhook', {})
      expect([event.status, event.body.error.code]).toEqual([409, 'billing_not_configured'])
      expect((await caller.get('/v1/billing/usage')).status).toBe(200)
    } finally {
      await off.close()
    }
  })
})

describe('openPortal', () => {
  it("leads to Stripe's pages, where a plan is cancelled at the end of what is paid", async () => {
    const caller = await billing.wataki.tenant()
    const subscription = await billing.subscribe(caller, 'growth')
    await billing.tell(billing.eventsOf(caller)[0]!)
    const { data } = await caller.graphql('mutation { openPortal { url } }')
    const press = (what: string) =>
      fetch(data.openPortal.url, { method: 'POST', body: new URLSearchParams({ do: what }) })
    expect(await (await fetch(data.openPortal.url)).text()).toContain('Growth')
    await press(`cancel ${subscription.id}`)
    await billing.tell(billing.eventsOf(caller).at(-1)!)
    const ask = '{ usage { plan { id } subscription { status periodEnd endsAt graceEndsAt } } }'
    const end = new Date(subscription.items.data[0]!.current_period_end * 1000).toISOString()
    expect((await caller.graphql(ask)).data.usage).toEqual({
      plan: { id: 'growth' },
      subscription: { status: 'active', periodEnd: end, endsAt: end, graceEndsAt: null },
    })
    await press(`next ${subscription.id}`)
    await billing.tell(billing.eventsOf(caller).at(-1)!)
    expect((await caller.graphql(ask)).data.usage).toEqual({ plan: { id: 'free' }, subscription: null })
  })
})

describe("Stripe's pages", () => {
  it('prorate nothing, begin a dearer plan at once, and a cheaper one or none when what is paid for ends', async () => {
    const caller = await billing.wataki.tenant()
    await billing.subscribe(caller, 'growth')
    await billing.tell(billing.eventsOf(caller)[0]!)
    const { data } = await caller.graphql('mutation { openPortal { url } }')
    const { body } = await caller.post('/v1/billing/upgrade', { plan: 'scale' })
    const { portals, configurations } = billing.stripe.state
    const used = [data.openPortal.url.split('/').at(-1), body.session_id].map(id => portals.get(id)!.configuration)
    expect(used[1]).toBe(used[0])
    // As the client has sent them: the stand-in's pages do the same whatever they say.
    const features = structuredClone(configurations.get(used[0]!)!.features)
    expect(features).toMatchObject({
      subscription_cancel: { enabled: 'true', mode: 'at_period_end', proration_behavior: 'none' },
      subscription_update: {
        enabled: 'true',
        proration_behavior: 'none',
        billing_cycle_anchor: 'now',
        schedule_at_period_end: { conditions: { 0: { type: 'decreasing_item_amount' } } },
      },
    })
  })
})

describe('while Stripe is away', () => {
  it('messages go out as before, an upgrade is 503, and an event is read once it is back', async () => {
    const caller = await billing.wataki.tenant()
    const id = await connectedInstance(caller)
    await billing.subscribe(caller, 'growth')
    const [event] = billing.eventsOf(caller)
    billing.stripe.fault = { call: '', kind: 'before', times: 1_000_000 }
    try {
      const message = { chat_id: '5511900000001', type: 'text', content: { text: 'x' } }
      const sent = await caller.post(`/v1/instances/${id}/messages`, message)
      expect([sent.status, sent.body.status]).toEqual([202, 'sent'])
      expect((await caller.get('/v1/billing/usage')).status).toBe(200)
      const asked = await caller.post('/v1/billing/upgrade', { plan: 'scale' })
      expect([asked.status, asked.body.error.code]).toEqual([503, 'unavailable'])
      expect((await billing.tell(event!)).status).toBe(200)
      expect(await plan(caller)).toBe('free')
    } finally {
      billing.stripe.fault = null
    }
    await until(
      () => plan(caller),
      found => found === 'growth',
      60_000,
    )
  }, 90_000)
})
