import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cycleOf } from '../../src/resolvers/billing/cycle.ts'
import { reserve } from '../../src/resolvers/billing/quota.ts'
import type { Subscription } from '../../src/stripe-sandbox/objects.ts'
import { State } from '../../src/stripe-sandbox/state.ts'
import type { Caller } from '../support/app.ts'
import { rowsOf } from '../support/auth.ts'
import { type Billing, openBilling, PRICES } from '../support/stripe.ts'

/** Months of who pays, with Stripe's clock and ours at instants of the test's choosing. */

let stripeNow = new Date()
const stripeClock = { now: () => stripeNow, nowMs: () => stripeNow.getTime() }
let billing: Billing
beforeAll(async () => {
  billing = await openBilling({ variables: { SANDBOX: 'off' }, clock: stripeClock })
})
afterAll(() => billing.close())

const tellLast = (caller: Caller) => billing.tell(billing.eventsOf(caller).at(-1)!)

/** A checkout that is opened at the present, and paid at another time. */
async function paidAt(caller: Caller, at: string): Promise<Subscription> {
  stripeNow = new Date()
  const { body } = await caller.post('/v1/billing/upgrade', { plan: 'growth' })
  stripeNow = new Date(at)
  return billing.stripe.state.pay(billing.stripe.state.sessions.get(body.session_id)!)
}

async function signedUp(at: string): Promise<Caller> {
  const caller = await billing.wataki.tenant()
  const { sql } = billing.wataki.app.db
  await sql.query('update tenant set created_at = $2 where id = $1', [caller.tenantId, new Date(at)])
  return caller
}

/** Counts so many messages at an instant; the cycle that had them. */
async function count(caller: Caller, at: string, times: number): Promise<string> {
  const { db, config } = billing.wataki.app
  const now = new Date(at)
  const clock = { now: () => now, nowMs: () => now.getTime() }
  const cycles = new Set<string>()
  for (let n = 0; n < times; n++) {
    const message = { tenantId: caller.tenantId, instanceId: 'inst_none', messageId: 'msg_none' }
    cycles.add((await reserve(db.sql, { clock, config }, message)).countedIn.toISOString())
  }
  expect(cycles.size).toBe(1)
  return [...cycles][0]!
}

const used = async (caller: Caller) =>
  (
    await rowsOf(billing.wataki, 'select cycle_start, cycle_end, used from usage where tenant_id = $1 order by 1', [
      caller.tenantId,
    ])
  ).map(row => [row.cycle_start.toISOString().slice(0, 10), row.cycle_end.toISOString().slice(0, 10), row.used])

describe('a plan that changes in the middle of a cycle', () => {
  it('has each message counted in one cycle: of the sign-up, then of the subscription, and back', async () => {
    const caller = await signedUp('2026-01-20T10:00:00.000Z')
    await count(caller, '2026-01-25T00:00:00Z', 60)
    const subscription = await paidAt(caller, '2026-01-31T12:00:00Z')
    // Paid, and not heard of yet: it still is the cycle before.
    await count(caller, '2026-01-31T12:00:01Z', 3)
    await tellLast(caller)
    expect(await count(caller, '2026-01-31T12:00:02Z', 5)).toBe('2026-01-31T12:00:00.000Z')
    await count(caller, '2026-02-28T11:59:59Z', 7)
    expect(await count(caller, '2026-02-28T12:00:00Z', 11)).toBe('2026-02-28T12:00:00.000Z')
    stripeNow = new Date('2026-03-10T08:00:00Z')
    billing.stripe.state.change(subscription, billing.stripe.state.prices.get('price_scale')!)
    await tellLast(caller)
    expect(await count(caller, '2026-03-10T08:00:01Z', 13)).toBe('2026-03-10T08:00:00.000Z')
    // The clock goes back an hour: there was no cycle of this subscription before, so it is counted in its first.
    expect(await count(caller, '2026-03-10T07:00:01Z', 2)).toBe('2026-03-10T08:00:00.000Z')
    billing.stripe.state.cancel(subscription)
    await tellLast(caller)
    expect(await count(caller, '2026-03-10T09:00:00Z', 17)).toBe('2026-02-20T10:00:00.000Z')
    expect(await used(caller)).toEqual([
      ['2026-01-20', '2026-02-20', 63],
      ['2026-01-31', '2026-02-28', 12],
      ['2026-02-20', '2026-03-20', 17],
      ['2026-02-28', '2026-03-31', 11],
      ['2026-03-10', '2026-04-10', 15],
    ])
    expect(await billing.planOf(caller)).toBe('free')
  })

  it('resets once when an event is told again and again', async () => {
    const caller = await signedUp('2026-02-01T00:00:00.000Z')
    await paidAt(caller, '2026-03-29T00:30:00Z')
    for (let n = 0; n < 3; n++) {
      await tellLast(caller)
      await count(caller, '2026-03-29T03:00:00Z', 2)
    }
    expect(await used(caller)).toEqual([['2026-03-29', '2026-04-29', 6]])
  })
})

describe("a subscription's period", () => {
  it('is the cycle, month by month, from any day: the 31st, 29 February, a night without its hour', () => {
    for (const start of [
      '2026-01-31T12:00:00Z',
      '2028-02-29T00:00:00Z',
      '2026-03-29T01:30:00Z',
      '2026-12-31T23:59:59Z',
    ]) {
      let now = new Date(start)
      const clock = { now: () => now, nowMs: () => now.getTime() }
      const state = new State({ clock, prices: PRICES, onEvent: () => {} })
      const session = { id: 'cs', status: 'open', customer: 'cus', metadata: {} }
      state.wanted.set('cs', state.prices.get('price_growth')!)
      const subscription = state.pay(session as never)
      const [item] = subscription.items.data
      for (let month = 0; month < 60; month++) {
        const [from, to] = [item!.current_period_start, item!.current_period_end].map(s => new Date(s * 1000))
        const anchor = new Date(subscription.billing_cycle_anchor * 1000)
        expect(cycleOf(anchor, from!), `${start} ${month}`).toEqual({ start: from, end: to })
        expect(cycleOf(anchor, new Date(to!.getTime() - 1)), `${start} ${month}`).toEqual({ start: from, end: to })
        now = to!
        state.nextPeriod(subscription)
      }
    }
  })
})

describe('a payment that fails', () => {
  const DAY_MS = 24 * 3600 * 1000

  it('leaves the plan for a week from the period that it was for, then takes it until it is paid', async () => {
    // A checkout is opened at the present time, whatever Stripe's clock says here.
    const caller = await billing.wataki.tenant()
    stripeNow = new Date()
    const subscription = await billing.subscribe(caller, 'growth')
    const [item] = subscription.items.data
    const shift = (days: number) => {
      const seconds = Math.floor((Date.now() - days * DAY_MS) / 1000)
      Object.assign(item!, { current_period_end: seconds })
      subscription.billing_cycle_anchor = seconds - 31 * 86_400
    }
    shift(6)
    billing.stripe.state.nextPeriod(subscription, false)
    await tellLast(caller)
    const ask = '{ usage { plan { id } subscription { status graceEndsAt } } }'
    const end = new Date((item!.current_period_start + 7 * 86_400) * 1000).toISOString()
    expect((await caller.graphql(ask)).data.usage).toEqual({
      plan: { id: 'growth' },
      subscription: { status: 'past_due', graceEndsAt: end },
    })
    const { sql } = billing.wataki.app.db
    await sql.query(`update billing set grace_ends_at = grace_ends_at - interval '2 days' where tenant_id = $1`, [
      caller.tenantId,
    ])
    const over = { plan: { id: 'free' }, subscription: { status: 'past_due', graceEndsAt: null } }
    await tellLast(caller)
    expect((await caller.graphql(ask)).data.usage).toEqual(over)
    // Nor is the month after that paid.
    Object.assign(item!, { current_period_end: Math.floor(Date.now() / 1000) })
    billing.stripe.state.nextPeriod(subscription, false)
    await tellLast(caller)
    expect((await caller.graphql(ask)).data.usage).toEqual(over)
    billing.stripe.state.payLate(subscription)
    await tellLast(caller)
    expect(await billing.planOf(caller)).toBe('growth')
  })
})
