import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStripeSandbox, type StripeSandbox } from '../../src/stripe-sandbox/server.ts'
import type { Json } from '../support/app.ts'
import { type Got, type Nodes, openNodes, send } from '../support/nodes.ts'
import { PRICES, postEvent, settingsFor } from '../support/stripe.ts'

/** Two servers, and calls to Stripe that take a while. */

let stripe: StripeSandbox
let two: Nodes
beforeAll(async () => {
  stripe = await openStripeSandbox({ prices: PRICES })
  two = await openNodes(2, { RATE_LIMIT_PER_MINUTE: '1000000', ...settingsFor(stripe.url) })
})
afterAll(async () => {
  await two.close()
  await stripe.close()
})

const upgrade = (apiKey: string, { plan, node }: { plan: string; node: number }): Promise<Got> =>
  send(`${two.nodes[node]!.url}/v1/billing/upgrade`, { json: { plan }, headers: { 'x-api-key': apiKey } })
const planOf = async (tenantId: string) =>
  (await two.rows('select plan from tenant where id = $1', [tenantId]))[0].plan as string
const customersOf = (tenantId: string) =>
  [...stripe.state.customers.values()].filter(each => each.metadata.tenant_id === tenantId)
const sessionsOf = (tenantId: string) =>
  [...stripe.state.sessions.values()].filter(each => each.client_reference_id === tenantId)

describe('50 upgrades at the same time', () => {
  it('make one customer and one open checkout, on two servers too', { timeout: 120_000 }, async () => {
    const { apiKey, tenantId } = await two.tenant()
    stripe.fault = { call: 'POST /v1', kind: 'slow', times: 1_000_000 }
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, n) => upgrade(apiKey, { plan: 'growth', node: n % 2 })),
    )
    stripe.fault = null
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200))
    expect(new Set(all.map(({ body }) => body.session_id)).size).toBe(1)
    expect(customersOf(tenantId)).toHaveLength(1)
    expect(sessionsOf(tenantId).map(({ status }) => status)).toEqual(['open'])
  })

  it('to different plans leave one open checkout', { timeout: 120_000 }, async () => {
    const { apiKey, tenantId } = await two.tenant()
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, n) => upgrade(apiKey, { plan: n % 3 ? 'growth' : 'scale', node: n % 2 })),
    )
    for (const { status } of all) expect([200, 503]).toContain(status)
    expect(customersOf(tenantId)).toHaveLength(1)
    const open = sessionsOf(tenantId).filter(({ status }) => status === 'open')
    expect(open).toHaveLength(1)
    const last = await upgrade(apiKey, { plan: 'scale', node: 0 })
    expect(sessionsOf(tenantId).filter(({ status }) => status === 'open')).toHaveLength(1)
    expect(stripe.state.sessions.get(last.body.session_id)!.status).toBe('open')
  })
})

describe('two checkouts that were both paid', () => {
  it('end with the older subscription; the newer is cancelled, paid back and written down', async () => {
    const { apiKey, tenantId } = await two.tenant()
    const { state } = stripe
    const first = await upgrade(apiKey, { plan: 'growth', node: 0 })
    const session = state.sessions.get(first.body.session_id)!
    const older = state.pay(session)
    // As another server of ours, or a person at Stripe, may have opened it.
    const other = { ...structuredClone(session), id: 'cs_test_other', status: 'open' as const }
    state.sessions.set(other.id, other)
    state.wanted.set(other.id, state.prices.get('price_scale')!)
    const newer = state.pay(other)
    const events = stripe.events.filter(({ data }) => (data.object as Json).customer === session.customer)
    const answers = await Promise.all([...events, ...events].map((event, n) => postEvent(two.nodes[n % 2]!.url, event)))
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    await expect.poll(() => [older.status, newer.status]).toEqual(['active', 'canceled'])
    expect(await planOf(tenantId)).toBe('growth')
    const paidBack = [...state.refunds.values()].filter(({ reason }) => reason === 'duplicate')
    const paymentOf = (invoice: string) => [...state.payments.values()].find(each => each.invoice === invoice)!
    expect(paidBack.map(({ payment_intent, amount }) => [payment_intent, amount])).toEqual([
      [paymentOf(newer.latest_invoice).payment.payment_intent, 9900],
    ])
    const audits = await two.rows(
      `select target from audit_log where tenant_id = $1 and action = 'subscription.duplicate_found'`,
      [tenantId],
    )
    expect(audits).toEqual([{ target: newer.id }])
    await expect
      .poll(() => two.rows('select id, refunded from duplicate_subscription where tenant_id = $1', [tenantId]))
      .toEqual([{ id: newer.id, refunded: true }])
  })
})

describe('an answer of Stripe that is overtaken by news', () => {
  it('is not written over what another server has read since', { timeout: 60_000 }, async () => {
    const { apiKey, tenantId } = await two.tenant()
    const { state } = stripe
    const { body } = await upgrade(apiKey, { plan: 'growth', node: 0 })
    const subscription = state.pay(state.sessions.get(body.session_id)!)
    const newest = () => stripe.events.at(-1)!
    stripe.fault = { call: 'GET /v1/subscriptions', kind: 'late', times: 1 }
    const late = postEvent(two.nodes[0]!.url, newest())
    await expect.poll(() => stripe.fault!.times).toBe(0)
    stripe.fault = null
    state.change(subscription, state.prices.get('price_scale')!)
    expect((await postEvent(two.nodes[1]!.url, newest())).status).toBe(200)
    expect(await planOf(tenantId)).toBe('scale')
    expect((await late).status).toBe(200)
    expect(await planOf(tenantId)).toBe('scale')
  })
})
