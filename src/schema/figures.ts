import type { MessageFigures, RecentError } from '../db/queries/rollups.ts'
import type { DeliveryFigures, FailedDelivery } from '../db/queries/webhook-rollups.ts'
import type { CallStats, RouteStats } from '../resolvers/observability/apiUsage.ts'
import { builder } from './builder.ts'

/** The numbers that the answers of `observability.ts` are made of. */

const at = 'When this part begins.'

const messageFields = <Shape extends MessageFigures>(ref: ReturnType<typeof builder.objectRef<Shape>>) =>
  builder.objectFields(ref, t => ({
    sent: t.int({ description: 'Messages that WhatsApp took.', resolve: figures => figures.sent }),
    delivered: t.int({ description: 'Messages that reached a phone.', resolve: figures => figures.delivered }),
    read: t.int({ description: 'Messages that were read.', resolve: figures => figures.read }),
    failed: t.int({ description: 'Messages that finally could not be sent.', resolve: figures => figures.failed }),
    received: t.int({ description: 'Messages that came in.', resolve: figures => figures.received }),
  }))

export const Messages = builder.objectRef<MessageFigures>('MessageFigures')
Messages.implement({
  description: 'How many messages reached each state in a time; one that was read was also sent and delivered.',
})
messageFields(Messages)

export const MessagePoint = builder.objectRef<MessageFigures & { at: Date }>('MessagePoint')
MessagePoint.implement({
  description: 'The messages of one part of a series.',
  fields: t => ({ at: t.expose('at', { type: 'DateTime', description: at }) }),
})
messageFields(MessagePoint)

const deliveryFields = <Shape extends DeliveryFigures>(ref: ReturnType<typeof builder.objectRef<Shape>>) =>
  builder.objectFields(ref, t => ({
    delivered: t.int({ description: 'Deliveries that were taken.', resolve: figures => figures.delivered }),
    failed: t.int({ description: 'Deliveries that were given up.', resolve: figures => figures.failed }),
    retried: t.int({ description: 'Tries after the first of a delivery.', resolve: figures => figures.retried }),
  }))

export const Deliveries = builder.objectRef<DeliveryFigures>('DeliveryFigures')
Deliveries.implement({ description: 'What became of deliveries in a time. One that is sent again counts again.' })
deliveryFields(Deliveries)

export const DeliveryPoint = builder.objectRef<DeliveryFigures & { at: Date }>('DeliveryPoint')
DeliveryPoint.implement({
  description: 'The deliveries of one part of a series.',
  fields: t => ({ at: t.expose('at', { type: 'DateTime', description: at }) }),
})
deliveryFields(DeliveryPoint)

export const Failure = builder.objectRef<FailedDelivery>('FailedDelivery').implement({
  description: 'A delivery that was given up.',
  fields: t => ({
    deliveryId: t.exposeID('deliveryId', { description: '`del_…`' }),
    webhookId: t.exposeID('webhookId', { description: '`whk_…`' }),
    instanceId: t.exposeID('instanceId', { description: '`inst_…`' }),
    eventId: t.exposeID('eventId', { description: '`evt_…`' }),
    url: t.exposeString('url', { description: 'Where it was to go.' }),
    statusCode: t.exposeInt('statusCode', {
      nullable: true,
      description: 'What was answered last; null: nothing was.',
    }),
    error: t.exposeString('error', { nullable: true, description: 'Why the last try did not count.' }),
    attempts: t.exposeInt('attempts', { description: 'How often it was tried.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it was given up.' }),
  }),
})

const callFields = <Shape extends CallStats>(ref: ReturnType<typeof builder.objectRef<Shape>>) =>
  builder.objectFields(ref, t => ({
    requests: t.int({ description: 'Requests with an API key.', resolve: stats => stats.requests }),
    errors: t.int({ description: 'Those that were answered with an error.', resolve: stats => stats.errors }),
    p50Ms: t.float({
      description: 'Half of them took no longer, in ms; 0: there were none.',
      resolve: stats => stats.p50Ms,
    }),
    p95Ms: t.float({
      description: '95 of 100 took no longer, in ms; 0: there were none.',
      resolve: stats => stats.p95Ms,
    }),
  }))

export const Calls = builder.objectRef<CallStats>('CallFigures')
Calls.implement({ description: 'Requests to the API in a time. How long they took is sorted into 25 steps.' })
callFields(Calls)

export const CallPoint = builder.objectRef<CallStats & { at: Date }>('CallPoint')
CallPoint.implement({
  description: 'The requests of one part of a series.',
  fields: t => ({ at: t.expose('at', { type: 'DateTime', description: at }) }),
})
callFields(CallPoint)

export const RouteObject = builder.objectRef<RouteStats>('RouteUsage')
RouteObject.implement({
  description: 'The requests to one route.',
  fields: t => ({
    method: t.exposeString('method', {
      description: 'Such as `POST`; `other`: one that the route does not answer to.',
    }),
    route: t.exposeString('route', {
      nullable: true,
      description:
        'Such as `/v1/instances/{instance_id}`; `/graphql` for all of GraphQL; null: there is no such route.',
    }),
  }),
})
callFields(RouteObject)

const Category = builder.enumType('ErrorCategory', {
  description: 'What went wrong.',
  values: {
    api: { description: 'A request was answered with an error.' },
    messages: { description: 'A message finally could not be sent.' },
    webhooks: { description: 'A delivery was given up.' },
    connections: { description: 'A connection to WhatsApp could not be made, or was lost.' },
  } satisfies Record<RecentError['category'], { description: string }>,
})

export const ErrorCounts = builder.objectRef<Record<RecentError['category'], number>>('ErrorCounts').implement({
  description: 'How many errors there were of each kind.',
  fields: t => ({
    api: t.exposeInt('api', { description: 'Requests with an API key that were answered with an error.' }),
    messages: t.exposeInt('messages', { description: 'Messages that finally could not be sent.' }),
    webhooks: t.exposeInt('webhooks', { description: 'Deliveries that were given up.' }),
    connections: t.exposeInt('connections', {
      description: 'How often a connection to WhatsApp could not be made, or was lost.',
    }),
  }),
})

export const RecentErrorObject = builder.objectRef<RecentError>('RecentError').implement({
  description: 'One thing that went wrong.',
  fields: t => ({
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
    category: t.expose('category', { type: Category, description: 'What went wrong.' }),
    code: t.exposeString('code', { description: 'For programs.' }),
    message: t.exposeString('message', { description: 'A sentence for people.' }),
    instanceId: t.exposeID('instanceId', { nullable: true, description: 'Of which instance; null: of none.' }),
  }),
})
