/** What can be had: the number of messages that one cycle includes, and what it costs. */
export interface Plan {
  id: PlanId
  name: string
  priceCents: number
  includedMessages: number
}

export type PlanId = 'free' | 'growth' | 'scale'

export const PLANS: readonly Plan[] = [
  { id: 'free', name: 'Free', priceCents: 0, includedMessages: 100 },
  { id: 'growth', name: 'Growth', priceCents: 2900, includedMessages: 5000 },
  { id: 'scale', name: 'Scale', priceCents: 9900, includedMessages: 25_000 },
]

export const findPlan = (id: string): Plan | null => PLANS.find(plan => plan.id === id) ?? null

export const plans = (): { data: readonly Plan[] } => ({ data: PLANS })
