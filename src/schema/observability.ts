import { type ApiUsage, apiUsage } from '../resolvers/observability/apiUsage.ts'
import { type ErrorSummary, errorSummary } from '../resolvers/observability/errorSummary.ts'
import { type InstanceHealth, instanceHealth } from '../resolvers/observability/instanceHealth.ts'
import { type MessageStats, messageStats } from '../resolvers/observability/messageStats.ts'
import { type Overview, overview } from '../resolvers/observability/overview.ts'
import { type WebhookStats, webhookStats } from '../resolvers/observability/webhookStats.ts'
import type { Bucket, Window } from '../resolvers/observability/window.ts'
import { builder } from './builder.ts'
import {
  CallPoint,
  Calls,
  Deliveries,
  DeliveryPoint,
  ErrorCounts,
  Failure,
  MessagePoint,
  Messages,
  RecentErrorObject,
  RouteObject,
} from './figures.ts'
import { State } from './instances.ts'
import { routes } from './route.ts'

const rest = routes('Observability')

const BucketEnum = builder.enumType('ReportBucket', {
  description: 'How long the parts of a series are.',
  values: {
    hour: { description: 'One hour.' },
    day: { description: '24 hours, from the hour of `since` on.' },
  } satisfies Record<Bucket, { description: string }>,
})

const windowArgs = {
  since: {
    type: 'DateTime',
    description: 'From when on: ISO 8601 with any offset, rounded down to the hour. Default: 24 hours ago.',
  },
  until: { type: 'DateTime', description: 'Until when, and not from then on: rounded up to the hour. Default: now.' },
  bucket: {
    type: BucketEnum,
    description: 'How long the parts of a series are: at most 400. Default `hour` up to 48 hours, `day` beyond.',
  },
} as const

/** The fields that say which time an answer is of. */
const windowOf = <Shape extends Window>(ref: ReturnType<typeof builder.objectRef<Shape>>, withBucket = true) => {
  builder.objectFields(ref, t => ({
    since: t.field({ type: 'DateTime', description: 'From when on.', resolve: window => window.since }),
    until: t.field({ type: 'DateTime', description: 'Until when.', resolve: window => window.until }),
  }))
  if (!withBucket) return
  builder.objectField(ref, 'bucket', t =>
    t.field({ type: BucketEnum, description: 'How long the parts of a series are.', resolve: window => window.bucket }),
  )
}

const MessageStatsObject = builder.objectRef<MessageStats>('MessageStats')
MessageStatsObject.implement({ description: 'Messages over time.' })
windowOf(MessageStatsObject)
builder.objectFields(MessageStatsObject, t => ({
  totals: t.field({ type: Messages, description: 'Of the whole time.', resolve: stats => stats.totals }),
  series: t.field({
    type: [MessagePoint],
    description: 'Oldest first, without a gap.',
    resolve: stats => stats.series,
  }),
}))

const WebhookStatsObject = builder.objectRef<WebhookStats>('WebhookStats')
WebhookStatsObject.implement({ description: 'Deliveries to webhooks over time.' })
windowOf(WebhookStatsObject)
builder.objectFields(WebhookStatsObject, t => ({
  totals: t.field({ type: Deliveries, description: 'Of the whole time.', resolve: stats => stats.totals }),
  series: t.field({
    type: [DeliveryPoint],
    description: 'Oldest first, without a gap.',
    resolve: stats => stats.series,
  }),
  recentFailures: t.field({
    type: [Failure],
    description: 'Of events of this time the last 20 deliveries that failed, newest first.',
    resolve: stats => stats.recentFailures,
  }),
}))

const ApiUsageObject = builder.objectRef<ApiUsage>('ApiUsage')
ApiUsageObject.implement({ description: 'Requests to the API over time.' })
windowOf(ApiUsageObject)
builder.objectFields(ApiUsageObject, t => ({
  totals: t.field({ type: Calls, description: 'Of the whole time.', resolve: usage => usage.totals }),
  series: t.field({ type: [CallPoint], description: 'Oldest first, without a gap.', resolve: usage => usage.series }),
  byRoute: t.field({
    type: [RouteObject],
    description: 'The most called first, 100 at most.',
    resolve: usage => usage.byRoute,
  }),
}))

const InstanceCounts = builder.objectRef<Overview['instances']>('InstanceCounts').implement({
  description: 'How many instances there are now, in all and in each state.',
  fields: t => ({
    total: t.exposeInt('total', { description: 'All of them.' }),
    connected: t.int({ description: 'Linked and online.', resolve: all => all.states.connected ?? 0 }),
    connecting: t.int({
      description: 'On the way to the first connection.',
      resolve: all => all.states.connecting ?? 0,
    }),
    reconnecting: t.int({
      description: 'Linked, and the connection is being tried again.',
      resolve: all => all.states.reconnecting ?? 0,
    }),
    disconnected: t.int({
      description: 'Without a connection, and none is being tried.',
      resolve: all => all.states.disconnected ?? 0,
    }),
    qrRequired: t.int({
      description: 'Waiting for a phone to be linked.',
      resolve: all => all.states.qr_required ?? 0,
    }),
    loggedOut: t.int({ description: 'The phone removed the link.', resolve: all => all.states.logged_out ?? 0 }),
    error: t.int({ description: 'WhatsApp refuses the connection.', resolve: all => all.states.error ?? 0 }),
  }),
})

const WebhookOverview = builder.objectRef<Overview['webhooks']>('WebhookOverview').implement({
  description: 'What became of deliveries in a time, and what waits now.',
  fields: t => ({
    delivered: t.exposeInt('delivered', { description: 'Deliveries that were taken.' }),
    failed: t.exposeInt('failed', { description: 'Deliveries that were given up.' }),
    pending: t.exposeInt('pending', {
      description: 'Deliveries that wait now, or are under way; beyond 100,000 they are not counted.',
    }),
    successRate: t.exposeFloat('successRate', {
      nullable: true,
      description: 'The share of those taken, 0 to 1; null: none ended.',
    }),
  }),
})

const OverviewObject = builder.objectRef<Overview>('Overview')
OverviewObject.implement({ description: 'How it all goes, in a few numbers.' })
windowOf(OverviewObject, false)
builder.objectFields(OverviewObject, t => ({
  messages: t.field({ type: Messages, description: 'Messages in that time.', resolve: all => all.messages }),
  instances: t.field({
    type: InstanceCounts,
    description: 'The instances as they are now.',
    resolve: all => all.instances,
  }),
  webhooks: t.field({ type: WebhookOverview, description: 'Deliveries to webhooks.', resolve: all => all.webhooks }),
  api: t.field({ type: Calls, description: 'Requests to the API in that time.', resolve: all => all.api }),
}))

const Health = builder.objectRef<InstanceHealth>('InstanceHealth').implement({
  description: 'How an instance has done in a time.',
  fields: t => ({
    id: t.exposeID('id', { description: '`inst_…`' }),
    name: t.exposeString('name', { description: 'Its name.' }),
    state: t.expose('state', { type: State, description: 'How it stands with WhatsApp now.' }),
    uptimeRatio: t.exposeFloat('uptimeRatio', {
      nullable: true,
      description:
        'The share of the time, since it was created, in which it was connected, 0 to 1; null: there was none.',
    }),
    reconnects: t.exposeInt('reconnects', { description: 'How often a lost connection came back.' }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'What last went wrong; null once connected.',
    }),
    sent: t.exposeInt('sent', { description: 'Messages that WhatsApp took.' }),
    received: t.exposeInt('received', { description: 'Messages that came in.' }),
    failed: t.exposeInt('failed', { description: 'Messages that finally could not be sent.' }),
  }),
})

const HealthList = builder.objectRef<{ data: InstanceHealth[] }>('InstanceHealthList').implement({
  description: 'Instances, newest first.',
  fields: t => ({
    data: t.field({ type: [Health], description: 'The newest 1,000 of them.', resolve: list => list.data }),
  }),
})

const ErrorsObject = builder.objectRef<ErrorSummary>('ErrorSummary')
ErrorsObject.implement({ description: 'What went wrong in a time.' })
windowOf(ErrorsObject)
builder.objectFields(ErrorsObject, t => ({
  byCategory: t.field({ type: ErrorCounts, description: 'How much of each kind.', resolve: all => all.byCategory }),
  recent: t.field({
    type: [RecentErrorObject],
    description: 'The last 50 of those that are kept, newest first.',
    resolve: all => all.recent,
  }),
}))

builder.queryFields(t => {
  const args = () => ({
    since: t.arg(windowArgs.since),
    until: t.arg(windowArgs.until),
    bucket: t.arg(windowArgs.bucket),
  })
  return {
    overview: t.field({
      type: OverviewObject,
      description: 'Messages, instances, webhooks and API usage in one answer.',
      args: args(),
      ...rest.get('/observability/overview'),
      resolve: (_, args, ctx) => overview(ctx, args),
    }),
    messageStats: t.field({
      type: MessageStatsObject,
      description: 'Messages over time.',
      args: { ...args(), instanceId: t.arg.id({ description: 'Only of this instance: `inst_…`' }) },
      ...rest.get('/observability/messages'),
      resolve: (_, args, ctx) => messageStats(ctx, args),
    }),
    webhookStats: t.field({
      type: WebhookStatsObject,
      description: 'Deliveries to webhooks over time, and the last that failed.',
      args: args(),
      ...rest.get('/observability/webhooks'),
      resolve: (_, args, ctx) => webhookStats(ctx, args),
    }),
    apiUsage: t.field({
      type: ApiUsageObject,
      description: 'Requests with an API key over time, and by route.',
      args: args(),
      ...rest.get('/observability/api-usage'),
      resolve: (_, args, ctx) => apiUsage(ctx, args),
    }),
    instanceHealth: t.field({
      type: HealthList,
      description: 'How each instance has done.',
      args: args(),
      ...rest.get('/observability/instances'),
      resolve: (_, args, ctx) => instanceHealth(ctx, args),
    }),
    errorSummary: t.field({
      type: ErrorsObject,
      description: 'What went wrong, of all kinds.',
      args: args(),
      ...rest.get('/observability/errors'),
      resolve: (_, args, ctx) => errorSummary(ctx, args),
    }),
  }
})
