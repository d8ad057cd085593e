import type { DeliveryRow, DeliveryStatus } from '../db/queries/webhook-deliveries.ts'
import type { Try } from '../db/queries/webhook-outbox.ts'
import type { EventType } from '../events/catalogue.ts'
import { type Replayed, replayDeliveries } from '../resolvers/webhooks/replayDeliveries.ts'
import { replayDelivery } from '../resolvers/webhooks/replayDelivery.ts'
import { testWebhook } from '../resolvers/webhooks/testWebhook.ts'
import { watchDeliveries } from '../resolvers/webhooks/watchDeliveries.ts'
import { webhookDeliveries } from '../resolvers/webhooks/webhookDeliveries.ts'
import { type DeliveryWithRequest, webhookDelivery } from '../resolvers/webhooks/webhookDelivery.ts'
import { builder } from './builder.ts'
import { EventTypeEnum } from './events.ts'
import { type Page, PageInfo, pageArgs } from './page.ts'
import { routes } from './route.ts'
import { webhookId } from './webhooks.ts'

const rest = routes('Webhooks')

const Status = builder.enumType('DeliveryStatus', {
  description: 'How far a delivery has come.',
  values: {
    pending: { description: 'It is on its way, or waits for its next try.' },
    delivered: { description: 'The receiver answered 2xx.' },
    failed: { description: 'It was not taken in four tries, or its webhook was deactivated. It can be sent again.' },
  } satisfies Record<DeliveryStatus, { description: string }>,
})

const TryObject = builder.objectRef<Try>('DeliveryTry').implement({
  description: 'One request to the receiver, and what came of it.',
  fields: t => ({
    at: t.field({ type: 'DateTime', description: 'When it began.', resolve: each => new Date(each.at) }),
    durationMs: t.exposeInt('durationMs', { description: 'How long it took, in milliseconds.' }),
    statusCode: t.exposeInt('statusCode', { nullable: true, description: 'What was answered; null: nothing was.' }),
    error: t.exposeString('error', { nullable: true, description: 'Why it does not count; null when it was taken.' }),
    response: t.exposeString('response', {
      nullable: true,
      description: "The answer's body, its first 1,024 bytes.",
    }),
  }),
})

/** The fields that each of its forms has. */
const fieldsOf = <Shape extends DeliveryRow>(ref: ReturnType<typeof builder.objectRef<Shape>>) =>
  builder.objectFields(ref, t => ({
    id: t.id({ description: '`del_…`', resolve: row => row.id }),
    webhookId: t.id({ description: 'The webhook it goes to.', resolve: row => row.webhookId }),
    eventId: t.id({
      description: 'The event it carries: the `id` of what is sent, the same on every try.',
      resolve: row => row.eventId,
    }),
    event: t.field({ type: EventTypeEnum, description: 'What happened.', resolve: row => row.event as EventType }),
    status: t.field({ type: Status, description: 'How far it has come.', resolve: row => row.status }),
    attempts: t.int({ description: 'Tries since it was last asked for.', resolve: row => row.attempts }),
    error: t.string({ nullable: true, description: 'Why the last one did not count.', resolve: row => row.error }),
    nextAttemptAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it is tried again; null when it is not.',
      resolve: row => row.nextAttemptAt,
    }),
    createdAt: t.field({ type: 'DateTime', description: 'When it happened.', resolve: row => row.createdAt }),
    finishedAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When it was delivered, or failed for good.',
      resolve: row => row.finishedAt,
    }),
    tries: t.field({ type: [TryObject], description: 'The last 20 tries, oldest first.', resolve: row => row.tries }),
  }))

const DeliveryObject = builder.objectRef<DeliveryRow>('Delivery')
DeliveryObject.implement({
  description: 'One event on its way to one webhook.',
})
fieldsOf(DeliveryObject)

const Request = builder.objectRef<DeliveryWithRequest['request']>('DeliveryRequest').implement({
  description: 'What is sent.',
  fields: t => ({
    url: t.exposeString('url', { description: 'Where to.' }),
    body: t.exposeString('body', {
      nullable: true,
      description: 'The very text that is sent and signed, the same on every try. Null when it is kept no longer.',
    }),
  }),
})

const DeliveryDetail = builder.objectRef<DeliveryWithRequest>('DeliveryDetail')
DeliveryDetail.implement({
  description: 'One event on its way to one webhook, and what it carries.',
})
fieldsOf(DeliveryDetail)
builder.objectField(DeliveryDetail, 'request', t =>
  t.field({ type: Request, description: 'What is sent.', resolve: row => row.request }),
)

const DeliveryPage = builder.objectRef<Page<DeliveryRow>>('DeliveryPage').implement({
  description: 'Deliveries, newest first.',
  fields: t => ({
    data: t.field({ type: [DeliveryObject], description: 'The deliveries of this page.', resolve: page => page.data }),
    page: t.field({ type: PageInfo, description: 'Where the list goes on.', resolve: page => page.page }),
  }),
})

const Included = builder.enumType('ReplayedDeliveries', {
  description: 'Which deliveries of a time to send again.',
  values: {
    failed: { description: 'Those that failed.' },
    all: { description: 'Those that were delivered, too.' },
  },
})

const ReplayInput = builder.inputType('ReplayDeliveriesInput', {
  description: 'What to send again.',
  fields: t => ({
    since: t.field({ type: 'DateTime', required: true, description: 'What happened from then on.' }),
    until: t.field({ type: 'DateTime', description: 'And before then; left out: until now.' }),
    include: t.field({ type: Included, description: 'Which of them. Default `failed`.' }),
    cursor: t.string({ description: 'The `nextCursor` of the answer before, to go on.' }),
  }),
})

const ReplayAnswer = builder.objectRef<Replayed>('ReplayedAnswer').implement({
  description: 'What is on its way again.',
  fields: t => ({
    replayed: t.exposeInt('replayed', { description: 'How many: some 10,000 at most, oldest first.' }),
    nextCursor: t.exposeString('nextCursor', {
      nullable: true,
      description: 'Ask again with it as `cursor` for the rest; null: there are no more.',
    }),
  }),
})

const instanceId = { required: true, description: '`inst_…`' } as const
const deliveryId = { required: true, description: '`del_…`' } as const

builder.queryFields(t => ({
  webhookDeliveries: t.field({
    type: DeliveryPage,
    description: 'What a webhook was sent, and what came of it, newest first; kept for 30 days.',
    args: {
      instanceId: t.arg.id(instanceId),
      webhookId: t.arg.id(webhookId),
      status: t.arg({ type: Status, description: 'Only those that have come so far.' }),
      event: t.arg({ type: EventTypeEnum, description: 'Only those of this event.' }),
      limit: t.arg.int(pageArgs.limit),
      cursor: t.arg.string(pageArgs.cursor),
    },
    ...rest.get('/instances/{instance_id}/webhooks/{webhook_id}/deliveries'),
    resolve: (_, args, ctx) => webhookDeliveries(ctx, args),
  }),
  webhookDelivery: t.field({
    type: DeliveryDetail,
    description: 'One delivery, with what it carries.',
    args: { instanceId: t.arg.id(instanceId), deliveryId: t.arg.id(deliveryId) },
    ...rest.get('/instances/{instance_id}/deliveries/{delivery_id}'),
    resolve: (_, args, ctx) => webhookDelivery(ctx, args),
  }),
}))

builder.mutationFields(t => ({
  testWebhook: t.field({
    type: DeliveryObject,
    description: 'Sends a `webhook.test` event to a webhook, and waits up to 2 seconds for what comes of it.',
    args: { instanceId: t.arg.id(instanceId), webhookId: t.arg.id(webhookId) },
    ...rest.post('/instances/{instance_id}/webhooks/{webhook_id}/test', { status: 202, once: true }),
    resolve: (_, args, ctx) => testWebhook(ctx, args),
  }),
  replayDelivery: t.field({
    type: DeliveryObject,
    description:
      'Sends one again, with the same id and all its tries before it, and waits up to 2 seconds for what comes of it.',
    args: { instanceId: t.arg.id(instanceId), deliveryId: t.arg.id(deliveryId) },
    ...rest.post('/instances/{instance_id}/deliveries/{delivery_id}/replay', { status: 202, once: true }),
    resolve: (_, args, ctx) => replayDelivery(ctx, args),
  }),
  replayDeliveries: t.field({
    type: ReplayAnswer,
    description: 'Sends again what failed for a webhook in a time, or all of it: each once.',
    args: {
      instanceId: t.arg.id(instanceId),
      webhookId: t.arg.id(webhookId),
      input: t.arg({ type: ReplayInput, required: true, description: 'What to send again.' }),
    },
    ...rest.post('/instances/{instance_id}/webhooks/{webhook_id}/replay', { status: 202, once: true }),
    resolve: (_, args, ctx) => replayDeliveries(ctx, args),
  }),
}))

builder.subscriptionFields(t => ({
  webhookDelivery: t.field({
    type: DeliveryObject,
    description: "Each delivery of an instance's webhooks as it is after a try.",
    args: { instanceId: t.arg.id(instanceId) },
    subscribe: (_, args, ctx) => watchDeliveries(ctx, args),
    resolve: row => row,
  }),
}))
