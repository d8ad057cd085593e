import { type Context, tenantOf } from '../../context.ts'
import { findBilling } from '../../db/queries/billing.ts'
import type { Plan } from './plans.ts'
import { usageOf } from './quota.ts'

export interface CurrentUsage {
  tenantId: string
  plan: Plan
  billingCycle: { start: Date; end: Date; daysRemaining: number }
  /** Without a limit there is nothing included. */
  usage: { sent: number; included: number | null; remaining: number | null }
}

export interface SubscriptionState {
  status: string
  /** Of what is paid for. */
  periodEnd: Date
  endsAt: Date | null
  graceEndsAt: Date | null
}

const DAY_MS = 24 * 3600 * 1000

export async function usage(ctx: Context): Promise<CurrentUsage> {
  const tenantId = tenantOf(ctx)
  const found = await usageOf(ctx.db.sql, ctx, tenantId)
  if (!found) throw new Error('a tenant who calls is there')
  const { plan, cycle, used } = found
  const included = ctx.config.quota ? plan.includedMessages : null
  const leftMs = cycle.end.getTime() - ctx.clock.nowMs()
  return {
    tenantId,
    plan,
    billingCycle: { ...cycle, daysRemaining: Math.max(0, Math.ceil(leftMs / DAY_MS)) },
    usage: { sent: used, included, remaining: included === null ? null : Math.max(0, included - used) },
  }
}

/** Null: there is none. */
export async function subscriptionOf(ctx: Context, tenantId: string): Promise<SubscriptionState | null> {
  const billing = await findBilling(ctx.db.sql, tenantId)
  if (!billing?.subscriptionId) return null
  const { status, periodEnd, endsAt, graceEndsAt } = billing
  return { status: status!, periodEnd: periodEnd!, endsAt, graceEndsAt }
}
