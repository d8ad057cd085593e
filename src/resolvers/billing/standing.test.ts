import { describe, expect, it } from 'vitest'
import type { Subscription } from '../../stripe/stripe.ts'
import { standingOf } from './standing.ts'

const START = new Date('2026-03-01T00:00:00.000Z')
const day = (n: number) => new Date(START.getTime() + n * 24 * 3600 * 1000)

const subscription = (id: string, changed: Partial<Subscription> = {}): Subscription => ({
  id,
  plan: 'growth',
  status: 'active',
  createdAt: START,
  anchor: START,
  periodStart: START,
  periodEnd: day(31),
  endsAt: null,
  ...changed,
})

describe('the standing of a tenant', () => {
  it('is free without a subscription that lives, or with one for something else', () => {
    const dead = ['canceled', 'incomplete', 'incomplete_expired'].map(status => subscription(status, { status }))
    expect(standingOf([...dead, subscription('other', { plan: null })], day(1))).toEqual({
      plan: 'free',
      current: null,
      anchor: null,
      graceEndsAt: null,
      duplicates: [],
    })
  })

  it('is that of the oldest that is paid, in whatever order they are listed; the others are duplicates', () => {
    const older = subscription('sub_z')
    const newer = subscription('sub_a', { plan: 'scale', createdAt: day(1) })
    const same = subscription('sub_zz')
    for (const all of [
      [older, newer, same],
      [same, newer, older],
      [newer, older, same],
    ]) {
      const { plan, current, duplicates } = standingOf(all, day(2))
      expect([plan, current?.id, duplicates]).toEqual(['growth', 'sub_z', ['sub_zz', 'sub_a']])
    }
  })

  it('is that of a newer one when the older is not paid', () => {
    const unpaid = subscription('sub_1', { status: 'unpaid' })
    const paid = subscription('sub_2', { plan: 'scale', createdAt: day(5) })
    const { plan, duplicates } = standingOf([unpaid, paid], day(6))
    expect([plan, duplicates]).toEqual(['scale', ['sub_1']])
  })

  it('holds for a week after a payment has failed', () => {
    const late = subscription('sub_1', { status: 'past_due' })
    expect(standingOf([late], day(6.999))).toMatchObject({ plan: 'growth', anchor: START, graceEndsAt: day(7) })
    expect(standingOf([late], day(7))).toMatchObject({ plan: 'free', anchor: null, graceEndsAt: null, current: late })
    for (const status of ['unpaid', 'paused']) {
      expect(standingOf([subscription('sub_1', { status })], day(1)).plan).toBe('free')
    }
  })

  it('has no second grace for the months after one that was not paid', () => {
    const late = subscription('sub_1', { status: 'past_due', periodStart: day(31) })
    const before = { subscriptionId: 'sub_1', status: 'past_due', graceEndsAt: null }
    expect(standingOf([late], day(32), before)).toMatchObject({ plan: 'free', graceEndsAt: null, current: late })
    const kept = { ...before, graceEndsAt: day(33) }
    expect(standingOf([late], day(32), kept)).toMatchObject({ plan: 'growth', graceEndsAt: day(33) })
    expect(standingOf([late], day(33), kept).plan).toBe('free')
    for (const begins of [
      { ...before, status: 'active' },
      { ...before, status: null },
      { ...before, subscriptionId: 'sub_0' },
    ]) {
      expect(standingOf([late], day(32), begins)).toMatchObject({ plan: 'growth', graceEndsAt: day(38) })
    }
  })

  it('counts months from the anchor, and from the period while the anchor is to come', () => {
    const moved = subscription('sub_1', { anchor: day(-31) })
    expect(standingOf([moved], day(1)).anchor).toEqual(day(-31))
    expect(standingOf([subscription('sub_1', { anchor: day(10) })], day(1)).anchor).toEqual(START)
  })
})
