import { afterAll, beforeAll, expect, it } from 'vitest'
import { dropCheckout } from '../../src/db/queries/billing.ts'
import type { Session } from '../../src/stripe-sandbox/objects.ts'
import { type Caller, type Json, until } from '../support/app.ts'
import { rowsOf } from '../support/auth.ts'
import { failBefore } from '../support/failing-statement.ts'
import { type Billing, openBilling } from '../support/stripe.ts'

/** What Stripe has done and the database does not know: the clock brings both together. */

const RESTORED_MS = 60_000

let billing: Billing
beforeAll(async () => {
  billing = await openBilling({ variables: { SANDBOX: 'off' } })
})
afterAll(() => billing.close())

const upgrade = (caller: Caller, plan = 'growth') => caller.post('/v1/billing/upgrade', { plan })
const openOnes = (caller: Caller): Session[] =>
  [...billing.stripe.state.sessions.values()].filter(
    each => each.client_reference_id === caller.tenantId && each.status === 'open',
  )

/** Both sides in one; they agree when the two halves are the same. */
async function sides(caller: Caller): Promise<{ here: Json; stripe: Json }> {
  const [row] = await rowsOf(
    billing.wataki,
    `select tenant.plan as plan_here, billing.* from billing join tenant on tenant.id = billing.tenant_id where tenant.id = $1`,
    [caller.tenantId],
  )
  const waiting = await rowsOf(
    billing.wataki,
    'select id from duplicate_subscription where tenant_id = $1 and ended_at is null',
    [caller.tenantId],
  )
  const live = billing.subscriptionsOf(caller).filter(({ status }) => status === 'active')
  const plans: Json = { price_growth: 'growth', price_scale: 'scale' }
  return {
    here: {
      plan: row.plan_here,
      customer: row.customer_id,
      checkouts: [row.checkout_id].filter(Boolean),
      subscriptions: [row.subscription_id].filter(Boolean),
      waiting: waiting.length,
      unread: row.heard - row.settled,
    },
    stripe: {
      plan: live[0] ? plans[live[0].items.data[0]!.price.id] : 'free',
      customer: billing.customerOf(caller),
      checkouts: openOnes(caller).map(({ id }) => id),
      subscriptions: live.map(({ id }) => id),
      waiting: 0,
      unread: 0,
    },
  }
}

const agree = ({ here, stripe }: { here: Json; stripe: Json }) => JSON.stringify(here) === JSON.stringify(stripe)

/** A second subscription, paid beside the first. */
function payAnother(caller: Caller): void {
  const { state } = billing.stripe
  const first = [...state.sessions.values()].find(each => each.client_reference_id === caller.tenantId)!
  const other = { ...structuredClone(first), id: `cs_test_other_${caller.tenantId}`, status: 'open' as const }
  state.sessions.set(other.id, other)
  state.wanted.set(other.id, state.prices.get('price_scale')!)
  state.pay(other)
}

const rowOf = async (caller: Caller) =>
  (await rowsOf(billing.wataki, 'select * from billing where tenant_id = $1', [caller.tenantId]))[0]
const customerHere = async (caller: Caller) => (await rowOf(caller)).customer_id
const ownerOf = async (caller: Caller): Promise<string | null> => (await rowOf(caller)).account_id
const setOwner = (caller: Caller, owner: string | null) =>
  billing.wataki.app.db.sql.query('update billing set account_id = $2 where tenant_id = $1', [caller.tenantId, owner])

const newest = (caller: Caller) => billing.eventsOf(caller).at(-1)!

/** Each leads up to a call of Stripe, and has the operation end before it writes down what came of it. */
const POINTS: Record<string, (caller: Caller) => Promise<() => number>> = {
  'a customer was made and not kept': async caller => {
    const point = failBefore('keep-customer', caller.tenantId)
    expect((await upgrade(caller)).status).toBe(500)
    return () => point.struck
  },
  'a checkout was opened and not kept': async caller => {
    const point = failBefore('keep-checkout', caller.tenantId)
    expect((await upgrade(caller)).status).toBe(500)
    return () => point.struck
  },
  'a checkout was expired and is still kept': async caller => {
    await upgrade(caller)
    const point = failBefore('end-checkout', caller.tenantId)
    expect((await upgrade(caller, 'scale')).status).toBe(500)
    return () => point.struck
  },
  'an event was heard of and not looked into': async caller => {
    await billing.subscribe(caller, 'growth')
    const point = failBefore('find-billing', caller.tenantId)
    expect((await billing.tell(newest(caller))).status).toBe(500)
    return () => point.struck
  },
  "Stripe's state was read and not written down": async caller => {
    await billing.subscribe(caller, 'scale')
    const point = failBefore('settle-billing', caller.tenantId)
    expect((await billing.tell(newest(caller))).status).toBe(500)
    return () => point.struck
  },
  'a second subscription was paid back and cancelled, and nobody knows': async caller => {
    await billing.subscribe(caller, 'growth')
    payAnother(caller)
    const point = failBefore('end-duplicate', caller.tenantId)
    expect((await billing.tell(newest(caller))).status).toBe(500)
    return () => point.struck
  },
}

it('at each of 6 points between a call of Stripe and its commit, both sides agree again within a minute', {
  timeout: 240_000,
}, async () => {
  const restored = Object.entries(POINTS).map(async ([what, lead]) => {
    const caller = await billing.wataki.tenant()
    const struck = await lead(caller)
    expect(struck(), what).toBe(1)
    expect(agree(await sides(caller)), `${what}: nothing was amiss`).toBe(false)
    const last = await until(() => sides(caller), agree, RESTORED_MS)
    expect(last.here, what).toEqual(last.stripe)
    // And once: what was done at Stripe was not done again.
    expect(last.stripe.checkouts.length).toBeLessThanOrEqual(1)
    const refunds = [...billing.stripe.state.refunds.values()].length
    expect(refunds).toBeLessThanOrEqual(1)
    return what
  })
  expect(await Promise.all(restored)).toHaveLength(6)
  expect(billing.stripe.state.refunds.size).toBe(1)
})

it('a second subscription that was paid back and not cancelled yet is, and nothing is paid back twice', {
  timeout: 120_000,
}, async () => {
  const caller = await billing.wataki.tenant()
  const before = billing.stripe.state.refunds.size
  await billing.subscribe(caller, 'growth')
  payAnother(caller)
  // The client tries three times.
  billing.stripe.fault = { call: 'DELETE /v1/subscriptions', kind: 'before', times: 3 }
  await billing.tell(newest(caller))
  expect(billing.stripe.state.refunds.size).toBe(before + 1)
  expect(agree(await sides(caller))).toBe(false)
  await until(() => sides(caller), agree, RESTORED_MS)
  expect(billing.stripe.state.refunds.size).toBe(before + 1)
})

it('an answer that was lost is asked for again, with the same key: one customer, one checkout', async () => {
  const caller = await billing.wataki.tenant()
  billing.stripe.fault = { call: 'POST /v1/c', kind: 'after', times: 2 }
  const answer = await upgrade(caller)
  expect(billing.stripe.fault.times).toBe(0)
  expect(answer.status).toBe(200)
  expect(billing.customerOf(caller)).toMatch(/^cus_/)
  expect(openOnes(caller).map(({ id }) => id)).toEqual([answer.body.session_id])
})

it('a customer who is gone from Stripe gets another; one of another account or mode is left alone, and so is the plan', async () => {
  const caller = await billing.wataki.tenant()
  await billing.subscribe(caller, 'growth')
  await billing.tell(newest(caller))
  const { state } = billing.stripe
  const gone = billing.customerOf(caller)
  const owner = await ownerOf(caller)
  expect(owner).toBe('acct_sandbox test')
  state.customers.delete(gone)
  // The last is of an older version, which did not keep the mode.
  for (const other of ['acct_other test', 'acct_sandbox live', 'acct_sandbox']) {
    await setOwner(caller, other)
    expect([other, (await upgrade(caller, 'scale')).status]).toEqual([other, 503])
    expect([await customerHere(caller), await billing.planOf(caller)]).toEqual([gone, 'growth'])
  }
  await setOwner(caller, owner)
  expect((await upgrade(caller, 'scale')).status).toBe(200)
  expect(await customerHere(caller)).toBe(billing.customerOf(caller))
  expect(await billing.planOf(caller)).toBe('free')
})

it('of a customer whom an older version has made, the mode is kept as soon as Stripe has told of them', async () => {
  const caller = await billing.wataki.tenant()
  await upgrade(caller)
  for (const older of ['acct_sandbox', null]) {
    await setOwner(caller, older)
    expect((await upgrade(caller)).status).toBe(200)
    expect(await ownerOf(caller)).toBe('acct_sandbox test')
  }
})

it('a price that Stripe does not know costs nobody their customer, and once it does the next upgrade works', async () => {
  const caller = await billing.wataki.tenant()
  const { prices } = billing.stripe.state
  const price = prices.get('price_growth')!
  prices.delete(price.id)
  expect((await upgrade(caller)).status).toBe(503)
  const customer = billing.customerOf(caller)
  expect((await upgrade(caller)).status).toBe(503)
  expect(await customerHere(caller)).toBe(customer)
  prices.set(price.id, price)
  const answer = await upgrade(caller)
  expect(answer.status).toBe(200)
  expect([billing.customerOf(caller), openOnes(caller).map(({ id }) => id)]).toEqual([
    customer,
    [answer.body.session_id],
  ])
})

it('a call that Stripe has failed is another call the next time', async () => {
  for (const call of ['POST /v1/customers', 'POST /v1/checkout/sessions']) {
    const caller = await billing.wataki.tenant()
    billing.stripe.fault = { call, kind: 'fails', times: 1 }
    expect([call, (await upgrade(caller)).status]).toEqual([call, 503])
    expect(billing.stripe.fault.times).toBe(0)
    const { status, body } = await upgrade(caller)
    expect([call, status]).toEqual([call, 200])
    expect(await customerHere(caller)).toBe(billing.customerOf(caller))
    expect(openOnes(caller).map(({ id }) => id)).toEqual([body.session_id])
  }
  const caller = await billing.wataki.tenant()
  const portal = async () => (await caller.graphql('mutation { openPortal { url } }')).data.openPortal?.url
  billing.stripe.fault = { call: 'POST /v1/billing_portal/configurations', kind: 'fails', times: 1 }
  expect(await portal()).toBeUndefined()
  expect(billing.stripe.fault.times).toBe(0)
  expect(await portal()).toMatch(/^http/)
})

it('a customer who has another name since it was not known whether Stripe has made them is made the next time', async () => {
  const caller = await billing.wataki.tenant()
  failBefore('keep-customer', caller.tenantId)
  expect((await upgrade(caller)).status).toBe(500)
  await billing.wataki.app.db.sql.query(`update tenant set name = 'Another' where id = $1`, [caller.tenantId])
  expect((await upgrade(caller)).status).toBe(503)
  expect((await upgrade(caller)).status).toBe(200)
})

it('a checkout that one server has kept stays when another was refused it', async () => {
  const caller = await billing.wataki.tenant()
  const { body } = await upgrade(caller)
  const { checkout_no: checkoutNo } = await rowOf(caller)
  await dropCheckout(billing.wataki.app.db.sql, { tenantId: caller.tenantId, checkoutNo })
  expect((await upgrade(caller)).body).toEqual(body)
})

it('a customer who is gone from Stripe is made again when somebody asks, and not by the clock', async () => {
  const caller = await billing.wataki.tenant()
  await upgrade(caller)
  billing.stripe.state.customers.delete(billing.customerOf(caller))
  const { sql } = billing.wataki.app.db
  for (let looks = 0; looks < 2; looks++) {
    const { heard } = await rowOf(caller)
    await sql.query('update billing set check_at = $2 where tenant_id = $1', [caller.tenantId, new Date()])
    const isLooked = (row: Json) => row.settled === row.heard && row.heard > heard
    const row = await until(() => rowOf(caller), isLooked, RESTORED_MS)
    expect(row.customer_id).toBeNull()
  }
  expect((await upgrade(caller)).status).toBe(200)
  expect(await customerHere(caller)).toBe(billing.customerOf(caller))
})
