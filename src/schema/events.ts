import type { EventRow } from '../db/queries/events.ts'
import type { EventType } from '../events/catalogue.ts'
import { type DescribedEvent, describeEvents, eventCatalogue } from '../resolvers/events/eventCatalogue.ts'
import { eventOccurred } from '../resolvers/events/eventOccurred.ts'
import { events } from '../resolvers/events/events.ts'
import { watch, withEventId } from '../resolvers/events/watch.ts'
import { builder } from './builder.ts'
import { check, each } from './check.ts'
import { QrObject, StatusObject } from './instances.ts'
import { MessageObject } from './messages.ts'
import { type Page, PageInfo, pageArgs } from './page.ts'
import { graphqlOnly, routes } from './route.ts'

const rest = routes('Events')

/** GraphQL's names hold no dot: REST and webhooks show the value. */
export const EventTypeEnum = builder.enumType('EventType', {
  description: 'What can happen.',
  values: Object.fromEntries(
    describeEvents().map(({ event, description }) => [event.replace('.', '_'), { value: event, description }]),
  ) as { [name: string]: { value: EventType; description: string } },
})

const EventObject = builder.objectRef<EventRow>('Event').implement({
  description: 'One thing that happened.',
  fields: t => ({
    id: t.exposeID('id', { description: '`evt_…`; a webhook that carries the event has the same.' }),
    event: t.field({ type: EventTypeEnum, description: 'What happened.', resolve: row => row.type as EventType }),
    instanceId: t.exposeID('instanceId', { description: 'Where it happened.' }),
    seq: t.exposeInt('seq', { description: 'Counts the events of the instance, from 1, in the order they happened.' }),
    timestamp: t.field({ type: 'DateTime', description: 'When it happened.', resolve: row => row.at }),
    data: t.expose('data', { type: 'JSON', description: 'What happened, as webhooks carry it: in snake_case.' }),
  }),
})

const EventPage = builder.objectRef<Page<EventRow>>('EventPage').implement({
  description: 'Events of an instance, oldest first.',
  fields: t => ({
    data: t.field({ type: [EventObject], description: 'The events of this page.', resolve: page => page.data }),
    page: t.field({
      type: PageInfo,
      description: 'Where the list goes on: give `nextCursor` as `after`.',
      resolve: page => page.page,
    }),
  }),
})

const EventDescription = builder.objectRef<DescribedEvent>('EventDescription').implement({
  description: 'An event and what it carries.',
  fields: t => ({
    event: t.field({ type: EventTypeEnum, description: 'What happens.', resolve: each => each.event }),
    description: t.exposeString('description', { description: 'When it happens.' }),
    schema: t.expose('schema', { type: 'JSON', description: 'JSON Schema of its `data`.' }),
  }),
})

const EventCatalogue = builder.objectRef<{ data: DescribedEvent[] }>('EventCatalogue').implement({
  description: 'All events there are.',
  fields: t => ({
    data: t.field({ type: [EventDescription], description: 'One each.', resolve: catalogue => catalogue.data }),
  }),
})

const instanceId = { required: true, description: '`inst_…`' } as const
const after = {
  description:
    'The last event that you have, kept for 7 days: its id (`evt_…`) or its `seq`. What came after it is given first.',
} as const

builder.queryFields(t => ({
  events: t.field({
    type: EventPage,
    description: 'What happened on an instance, oldest first: to catch up after an outage.',
    args: {
      instanceId: t.arg.id(instanceId),
      after: t.arg.id({
        description:
          'The last event that you have: its id (`evt_…`) or its `seq`. Left out: from the oldest, up to 7 days old.',
      }),
      limit: t.arg.int(pageArgs.limit),
    },
    ...rest.get('/instances/{instance_id}/events'),
    resolve: (_, args, ctx) => events(ctx, args),
  }),
  eventCatalogue: t.field({
    type: EventCatalogue,
    description: 'Each event there is and what it carries, as JSON Schema.',
    ...rest.get('/events/catalogue', { open: true }),
    resolve: () => eventCatalogue(),
  }),
}))

const eventId = {
  nullable: true,
  description: 'In a subscription: the event that brought it. Give it as `after` when you connect again.',
  ...graphqlOnly,
} as const

builder.objectField(StatusObject, 'eventId', t => t.id({ ...eventId, resolve: status => status.eventId ?? null }))
builder.objectField(QrObject, 'eventId', t => t.id({ ...eventId, resolve: update => update.eventId ?? null }))

builder.subscriptionFields(t => ({
  eventOccurred: t.field({
    type: EventObject,
    description: 'Each event of an instance, as webhooks carry it.',
    args: {
      instanceId: t.arg.id(instanceId),
      events: t.arg({
        type: [EventTypeEnum],
        description: 'Which ones; left out: all.',
        ...check(each(20, () => null)),
      }),
      after: t.arg.id(after),
    },
    subscribe: (_, args, ctx) => eventOccurred(ctx, args),
    resolve: event => event,
  }),
  messageReceived: t.field({
    type: MessageObject,
    description: 'Each message that an instance receives.',
    args: { instanceId: t.arg.id(instanceId), after: t.arg.id(after) },
    subscribe: (_, args, ctx) => watch(ctx, args, 'message.received'),
    resolve: withEventId,
  }),
  messageCreated: t.field({
    type: MessageObject,
    description: 'Each message that is accepted for sending, or sent from the phone itself.',
    args: { instanceId: t.arg.id(instanceId), after: t.arg.id(after) },
    subscribe: (_, args, ctx) => watch(ctx, args, 'message.created'),
    resolve: withEventId,
  }),
  messageUpdated: t.field({
    type: MessageObject,
    description: 'Each message that is edited, or deleted for everyone.',
    args: { instanceId: t.arg.id(instanceId), after: t.arg.id(after) },
    subscribe: (_, args, ctx) => watch(ctx, args, 'message.updated'),
    resolve: withEventId,
  }),
  messageStatusChanged: t.field({
    type: MessageObject,
    description: 'Each change of the status of a sent message.',
    args: { instanceId: t.arg.id(instanceId), after: t.arg.id(after) },
    subscribe: (_, args, ctx) => watch(ctx, args, 'message.status'),
    resolve: withEventId,
  }),
  reactionReceived: t.field({
    type: MessageObject,
    description: 'Each message to which somebody reacts, or takes a reaction back.',
    args: { instanceId: t.arg.id(instanceId), after: t.arg.id(after) },
    subscribe: (_, args, ctx) => watch(ctx, args, 'message.reaction'),
    resolve: withEventId,
  }),
  connectionUpdated: t.field({
    type: StatusObject,
    description: 'Each change of the state of an instance.',
    args: { instanceId: t.arg.id(instanceId), after: t.arg.id(after) },
    subscribe: (_, args, ctx) => watch(ctx, args, 'connection.update'),
    resolve: withEventId,
  }),
  qrUpdated: t.field({
    type: QrObject,
    description: 'Each new QR code of an instance.',
    args: { instanceId: t.arg.id(instanceId), after: t.arg.id(after) },
    subscribe: (_, args, ctx) => watch(ctx, args, 'qr.updated'),
    resolve: withEventId,
  }),
}))
