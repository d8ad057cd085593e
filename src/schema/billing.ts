import { openPortal } from '../resolvers/billing/openPortal.ts'
import { type Plan, plans } from '../resolvers/billing/plans.ts'
import { type Upgrade, upgrade } from '../resolvers/billing/upgrade.ts'
import { type CurrentUsage, type SubscriptionState, subscriptionOf, usage } from '../resolvers/billing/usage.ts'
import { PlanId } from './auth.ts'
import { builder } from './builder.ts'
import { graphqlOnly, routes } from './route.ts'

const rest = routes('Billing')

const PlanObject = builder.objectRef<Plan>('Plan').implement({
  description: 'What can be had.',
  fields: t => ({
    id: t.field({ type: PlanId, description: 'Its name in calls.', resolve: plan => plan.id }),
    name: t.exposeString('name', { description: 'Its name for people.' }),
    priceCents: t.exposeInt('priceCents', { description: 'What a month costs, in cents.' }),
    includedMessages: t.exposeInt('includedMessages', { description: 'How many messages a month includes.' }),
  }),
})

const PlanList = builder.objectRef<{ data: readonly Plan[] }>('PlanList').implement({
  description: 'The plans, the smallest first.',
  fields: t => ({
    data: t.field({ type: [PlanObject], description: 'All of them.', resolve: list => [...list.data] }),
  }),
})

const BillingCycle = builder.objectRef<CurrentUsage['billingCycle']>('BillingCycle').implement({
  description: 'A month of yours: from the moment of your sign-up, or of your subscription once it is paid.',
  fields: t => ({
    start: t.expose('start', { type: 'DateTime', description: 'When it began.' }),
    end: t.expose('end', { type: 'DateTime', description: 'When the next one begins.' }),
    daysRemaining: t.exposeInt('daysRemaining', { description: 'Days until then, the present one included.' }),
  }),
})

const UsageCount = builder.objectRef<CurrentUsage['usage']>('UsageCount').implement({
  description: 'Messages of one cycle.',
  fields: t => ({
    sent: t.exposeInt('sent', { description: 'Those that were counted. One that finally fails is given back.' }),
    included: t.exposeInt('included', {
      nullable: true,
      description: 'What the plan includes. Null: this server has no limit.',
    }),
    remaining: t.exposeInt('remaining', {
      nullable: true,
      description: 'What is left of that. Null: this server has no limit.',
    }),
  }),
})

const Subscription = builder.objectRef<SubscriptionState>('BillingSubscription').implement({
  description: 'What is paid for.',
  fields: t => ({
    status: t.exposeString('status', { description: "In Stripe's words: `active`, `past_due` and others." }),
    periodEnd: t.expose('periodEnd', { type: 'DateTime', description: 'Until when it is paid.' }),
    endsAt: t.expose('endsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ends, if it was cancelled; null otherwise.',
    }),
    graceEndsAt: t.expose('graceEndsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'A payment has failed: until then the plan stays, if it is not paid before. Null otherwise.',
    }),
  }),
})

const Usage = builder.objectRef<CurrentUsage>('Usage').implement({
  description: 'Your plan, and what you have used of it in the present cycle.',
  fields: t => ({
    plan: t.field({ type: PlanObject, description: 'The plan you are on.', resolve: found => found.plan }),
    billingCycle: t.field({
      type: BillingCycle,
      description: 'The present cycle.',
      resolve: found => found.billingCycle,
    }),
    usage: t.field({ type: UsageCount, description: 'What it has used.', resolve: found => found.usage }),
    subscription: t.field({
      type: Subscription,
      nullable: true,
      description: 'What is paid for. Null: nothing is.',
      ...graphqlOnly,
      resolve: (found, _, ctx) => subscriptionOf(ctx, found.tenantId),
    }),
  }),
})

const UpgradeResult = builder.objectRef<Upgrade>('UpgradeResult').implement({
  description: 'Where to pay. The plan changes once that is done.',
  fields: t => ({
    plan: t.field({ type: PlanId, description: 'The plan that was asked for.', resolve: result => result.plan }),
    checkoutUrl: t.exposeString('checkoutUrl', {
      description: "Stripe's page to send the browser to: one that takes a payment, or confirms a change of plan.",
    }),
    sessionId: t.exposeString('sessionId', { description: "Stripe's id of that page." }),
  }),
})

const BillingPortal = builder.objectRef<{ url: string }>('BillingPortal').implement({
  description: "Stripe's own pages for customers.",
  fields: t => ({ url: t.exposeString('url', { description: 'Where to send the browser, soon.' }) }),
})

const UpgradeInput = builder.inputType('UpgradeInput', {
  description: 'The wanted plan.',
  fields: t => ({
    plan: t.field({ type: PlanId, required: true, description: 'One that is paid for, and not the present one.' }),
  }),
})

builder.queryFields(t => ({
  plans: t.field({
    type: PlanList,
    description: 'The plans that can be had.',
    ...rest.get('/billing/plans', { open: true }),
    resolve: () => plans(),
  }),
  usage: t.field({
    type: Usage,
    description: 'Your plan, and what you have used of it in the present cycle.',
    ...rest.get('/billing/usage'),
    resolve: (_, _args, ctx) => usage(ctx),
  }),
}))

builder.mutationFields(t => ({
  upgrade: t.field({
    type: UpgradeResult,
    description:
      'Gives a page of Stripe on which to pay for a plan; asked again, the same page as long as it is open. A dearer plan begins at once with a cycle of its own, a cheaper one when the present period ends.',
    args: { input: t.arg({ type: UpgradeInput, required: true, description: 'The wanted plan.' }) },
    ...rest.post('/billing/upgrade', { once: true, conflicts: true }),
    resolve: (_, args, ctx) => upgrade(ctx, args),
  }),
  openPortal: t.field({
    type: BillingPortal,
    description: "Gives a link to Stripe's pages for your invoices, cards, plan and cancellation.",
    resolve: (_, _args, ctx) => openPortal(ctx),
  }),
}))
