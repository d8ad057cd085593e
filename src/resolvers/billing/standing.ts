import type { Subscription } from '../../stripe/stripe.ts'
import type { PlanId } from './plans.ts'

/** What a tenant has, by Stripe's state and nothing else. */
export interface Standing {
  plan: PlanId
  /** The one that counts. */
  current: Subscription | null
  /** What months are counted from; null: from the sign-up. */
  anchor: Date | null
  /** A payment has failed: until then the plan stays. */
  graceEndsAt: Date | null
  /** Ids of what was bought beside it. */
  duplicates: string[]
}

/** What was known before. */
export interface Before {
  subscriptionId: string | null
  status: string | null
  graceEndsAt: Date | null
}

/** From the beginning of the month that was not paid. Stripe tries again meanwhile. */
const GRACE_MS = 7 * 24 * 3600 * 1000

const PAID = ['active', 'trialing']
/** It may come to be paid, or to be paid again. */
const LIVE = [...PAID, 'past_due', 'unpaid', 'paused']

/** Of several that live, one that is paid counts, and of those the oldest. */
export function standingOf(all: readonly Subscription[], now: Date, before: Before | null = null): Standing {
  const [current, ...others] = all
    .filter(each => each.plan !== null && LIVE.includes(each.status))
    .sort(
      (a, b) =>
        Number(isPaid(b)) - Number(isPaid(a)) ||
        a.createdAt.getTime() - b.createdAt.getTime() ||
        (a.id < b.id ? -1 : 1),
    )
  if (!current) return { plan: 'free', current: null, anchor: null, graceEndsAt: null, duplicates: [] }
  const graceEndsAt = current.status === 'past_due' ? graceOf(current, before) : null
  const holds = isPaid(current) || (graceEndsAt !== null && now < graceEndsAt)
  return {
    plan: holds ? current.plan! : 'free',
    current,
    anchor: holds ? anchorOf(current) : null,
    graceEndsAt: holds ? graceEndsAt : null,
    duplicates: others.map(({ id }) => id),
  }
}

const isPaid = ({ status }: Subscription): boolean => PAID.includes(status)

/** Who owes another month already has what is left of its grace: the months after it bring none. */
function graceOf({ id, periodStart }: Subscription, before: Before | null): Date | null {
  const isKnown = before?.subscriptionId === id && before.status !== null
  if (isKnown && !PAID.includes(before.status!)) return before.graceEndsAt
  return new Date(periodStart.getTime() + GRACE_MS)
}

/** An anchor that is still to come has no month before it. */
const anchorOf = ({ anchor, periodStart }: Subscription): Date => (anchor < periodStart ? anchor : periodStart)
