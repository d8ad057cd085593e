import type { WebhookTry } from '../db/queries/timeline.ts'
import type { EventType } from '../events/catalogue.ts'
import {
  type EntryKind,
  messageTimeline,
  READERS_MAX,
  type Timeline,
  type TimelineEntry,
  WEBHOOK_ATTEMPTS_MAX,
} from '../resolvers/messages/messageTimeline.ts'
import { builder } from './builder.ts'
import { EventTypeEnum } from './events.ts'
import { ErrorType } from './messages.ts'
import { routes } from './route.ts'

const rest = routes('Messages')

const Kind = builder.enumType('TimelineKind', {
  description: 'What happened to a message.',
  values: {
    accepted: { description: 'It was stored, and is a promise from then on.' },
    received: { description: 'It came over the socket, and was stored as it came before WhatsApp got its receipt.' },
    stored: { description: 'It is a message that can be read here, and its event is recorded.' },
    dispatched: {
      description:
        'It was taken to be written to the socket. Without a `sent` after it the connection broke, the server died, or no answer came in 30 seconds: it goes out again, with the same WhatsApp id.',
    },
    postponed: { description: 'It could not be written, and was given back to wait for another try.' },
    sent: { description: 'WhatsApp has it.' },
    delivered: { description: "It is on the receiver's phone; in a group, on that of the first." },
    read: {
      description: 'The receiver has seen it; in a group, the first. Of a received message: it was marked as read.',
    },
    failed: { description: 'It could not be sent, and is not tried again.' },
    webhook_attempt: { description: 'A webhook was told of an event about it.' },
  } satisfies Record<EntryKind, { description: string }>,
})

const AttemptObject = builder.objectRef<WebhookTry>('TimelineWebhookAttempt').implement({
  description: 'One request to a receiver, and what came of it.',
  fields: t => ({
    webhookId: t.exposeID('webhookId', { description: 'The webhook it went to.' }),
    deliveryId: t.exposeID('deliveryId', { description: '`del_…`' }),
    eventId: t.exposeID('eventId', { description: 'The event it carried.' }),
    event: t.field({
      type: EventTypeEnum,
      description: 'What it told.',
      resolve: attempt => attempt.event as EventType,
    }),
    statusCode: t.int({
      nullable: true,
      description: 'What was answered; null: nothing was.',
      resolve: ({ made }) => made.statusCode,
    }),
    error: t.string({
      nullable: true,
      description: 'Why it does not count; null when it was taken.',
      resolve: ({ made }) => made.error,
    }),
    durationMs: t.int({ description: 'How long it took, in milliseconds.', resolve: ({ made }) => made.durationMs }),
  }),
})

const EntryObject = builder.objectRef<TimelineEntry>('TimelineEntry').implement({
  description: 'Something that happened to a message.',
  fields: t => ({
    kind: t.expose('kind', { type: Kind, description: 'What.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When; of a webhook attempt, when it began.' }),
    node: t.exposeString('node', {
      nullable: true,
      description: 'The server that did it, `node_…`; null: not known. Each start of a server makes another one.',
    }),
    error: t.field({
      type: ErrorType,
      nullable: true,
      description: 'Of `failed`: why.',
      resolve: entry => entry.error,
    }),
    webhook: t.field({
      type: AttemptObject,
      nullable: true,
      description: 'Of `webhook_attempt`: which, and what came of it.',
      resolve: entry => entry.webhook,
    }),
  }),
})

type Receipts = NonNullable<Timeline['receipts']>

const ReaderObject = builder.objectRef<Receipts['first'][number]>('TimelineReader').implement({
  description: 'How far a message has come with one person of a group.',
  fields: t => ({
    reader: t.exposeString('reader', { description: 'Their jid.' }),
    hasRead: t.boolean({ description: 'Whether they have seen it.', resolve: ({ status }) => status === 'read' }),
    at: t.expose('at', { type: 'DateTime', description: 'When they got so far, as WhatsApp says.' }),
  }),
})

const ReceiptsObject = builder.objectRef<Receipts>('TimelineReceipts').implement({
  description: 'How far a message has come in a group.',
  fields: t => ({
    delivered: t.exposeInt('delivered', { description: 'How many have it on their phone.' }),
    read: t.exposeInt('read', { description: 'How many of them have seen it.' }),
    first: t.field({
      type: [ReaderObject],
      description: `The first ${READERS_MAX} of them, by time.`,
      resolve: receipts => receipts.first,
    }),
  }),
})

const TimelineObject = builder.objectRef<Timeline>('MessageTimeline').implement({
  description:
    'The way of a message. Its own steps are kept as long as the message; webhook attempts for 30 days, 20 of each delivery. Of what servers before version 0.5 did, as much as can be told from what they kept.',
  fields: t => ({
    messageId: t.exposeID('messageId', { description: 'The message.' }),
    whatsappId: t.exposeString('whatsappId', {
      description: "WhatsApp's id of it, the same on every dispatch: the receiver's phone shows it once.",
    }),
    dispatches: t.exposeInt('dispatches', { description: 'How often it was dispatched.' }),
    receipts: t.field({
      type: ReceiptsObject,
      nullable: true,
      description: 'In a group: who has it. Null elsewhere.',
      resolve: timeline => timeline.receipts,
    }),
    cut: t.exposeBoolean('isCut', {
      description: `Whether something may be left out: of its own steps there are the first 19 and the last 21, of webhook attempts the first ${WEBHOOK_ATTEMPTS_MAX}, those of earlier events first.`,
    }),
    data: t.field({ type: [EntryObject], description: 'What happened, in order.', resolve: timeline => timeline.data }),
  }),
})

builder.queryField('messageTimeline', t =>
  t.field({
    type: TimelineObject,
    description: 'What has become of a message, when, and on which server.',
    args: {
      instanceId: t.arg.id({ required: true, description: '`inst_…`' }),
      messageId: t.arg.id({ required: true, description: '`msg_…`' }),
    },
    ...rest.get('/instances/{instance_id}/messages/{message_id}/timeline'),
    resolve: (_, args, ctx) => messageTimeline(ctx, args),
  }),
)
