import { deleteMessage } from '../resolvers/messages/deleteMessage.ts'
import { editMessage } from '../resolvers/messages/editMessage.ts'
import { markMessageRead } from '../resolvers/messages/markMessageRead.ts'
import { message } from '../resolvers/messages/message.ts'
import { messages } from '../resolvers/messages/messages.ts'
import { reactToMessage } from '../resolvers/messages/reactToMessage.ts'
import { isEmoji } from '../resolvers/messages/reactions.ts'
import { sendMessage } from '../resolvers/messages/sendMessage.ts'
import { type Presence, sendPresence } from '../resolvers/messages/sendPresence.ts'
import type { MessageError, Reaction, StoredMessage } from '../resolvers/messages/shape.ts'
import type { MessageStatus } from '../resolvers/messages/status.ts'
import { messageReceived, messageStatusChanged } from '../resolvers/messages/watch.ts'
import type { PresenceState } from '../whatsapp/whatsapp.ts'
import { builder } from './builder.ts'
import { between, check, notNull } from './check.ts'
import {
  contentFitsType,
  MessageContentInput,
  MessageContentUnion,
  MessageTypeEnum,
  SendableTypeEnum,
} from './message-content.ts'
import { type Page, PageInfo, pageArgs } from './page.ts'
import { chatId, person } from './phone.ts'
import { graphqlOnly, routes } from './route.ts'

const rest = routes('Messages')

const Direction = builder.enumType('MessageDirection', {
  description: 'Which way a message went.',
  values: {
    inbound: { description: 'Received by the instance.' },
    outbound: { description: 'Sent by the instance, through the API or on its own phone.' },
  },
})

const Status = builder.enumType('MessageStatus', {
  description: 'How far a message has come. A status never goes back.',
  values: {
    pending: { description: 'Accepted and stored; it is sent as soon as WhatsApp can be reached.' },
    sent: { description: 'WhatsApp has it.' },
    delivered: { description: "It is on the receiver's phone." },
    read: { description: 'The receiver has seen it.' },
    failed: { description: 'It could not be sent; `error` says why.' },
  } satisfies Record<MessageStatus, { description: string }>,
})

const ErrorType = builder.objectRef<MessageError>('MessageError').implement({
  description: 'Why a message failed.',
  fields: t => ({
    code: t.exposeString('code', { description: 'Stable, for programs.' }),
    message: t.exposeString('message', { description: 'A sentence for people.' }),
  }),
})

const ReactionType = builder.objectRef<Reaction>('Reaction').implement({
  description: 'A reaction to a message: the newest of its sender.',
  fields: t => ({
    sender: t.exposeString('sender', { description: 'The jid of who reacted.' }),
    emoji: t.exposeString('emoji', { description: 'One emoji.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When.' }),
  }),
})

export const MessageObject = builder.objectRef<StoredMessage>('Message').implement({
  description: 'One message.',
  fields: t => ({
    id: t.exposeID('id', { description: '`msg_…`' }),
    instanceId: t.exposeID('instanceId', { description: 'The instance it belongs to.' }),
    chatId: t.exposeString('chatId', {
      description:
        'The chat: `…@s.whatsapp.net` once the phone number is known, `…@lid` until then, `…@g.us` for groups.',
    }),
    lid: t.exposeString('lid', { nullable: true, description: 'The `…@lid` form of a direct chat, once known.' }),
    phoneNumber: t.exposeString('phoneNumber', {
      nullable: true,
      description: 'The phone number of a direct chat, such as `+5511999999999`, once known.',
    }),
    sender: t.exposeString('sender', { description: 'The jid of who wrote it.' }),
    direction: t.expose('direction', { type: Direction, description: 'Which way it went.' }),
    type: t.field({ type: MessageTypeEnum, description: 'What kind it is.', resolve: stored => stored.content.type }),
    status: t.expose('status', { type: Status, description: 'How far it has come.' }),
    content: t.field({ type: MessageContentUnion, description: 'What it says.', resolve: stored => stored.content }),
    reactions: t.expose('reactions', { type: [ReactionType], description: 'What people think of it.' }),
    quotedMessageId: t.exposeID('quotedMessageId', {
      nullable: true,
      description: 'The message that it answers; null when it answers none, or one that is not known here.',
    }),
    mentions: t.exposeStringList('mentions', { description: 'The jids of people it mentions.' }),
    timestamp: t.expose('timestamp', { type: 'DateTime', description: 'When it was written.' }),
    editedAt: t.expose('editedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last edited; null: never.',
    }),
    deletedAt: t.expose('deletedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was deleted for everyone; null: it was not.',
    }),
    error: t.field({
      type: ErrorType,
      nullable: true,
      description: 'Why it failed, or null.',
      resolve: stored => stored.error,
    }),
    eventId: t.id({
      nullable: true,
      description: 'In a subscription: the event that brought it. Give it as `after` when you connect again.',
      ...graphqlOnly,
      resolve: stored => stored.eventId ?? null,
    }),
  }),
})

export const MessagePage = builder.objectRef<Page<StoredMessage>>('MessagePage').implement({
  description: 'Messages of a chat, newest first.',
  fields: t => ({
    data: t.field({ type: [MessageObject], description: 'The messages of this page.', resolve: page => page.data }),
    page: t.field({ type: PageInfo, description: 'Where the list goes on.', resolve: page => page.page }),
  }),
})

const SendInput = builder.inputType('SendMessageInput', {
  description: 'A message to send.',
  fields: t => ({
    chatId: t.string({
      required: true,
      description: '`…@s.whatsapp.net`, `…@lid`, `…@g.us`, or a phone number in international form.',
      ...check(chatId),
    }),
    type: t.field({ type: SendableTypeEnum, required: true, description: 'What kind it is.' }),
    content: t.field({ type: MessageContentInput, required: true, description: 'What it says.' }),
    quotedMessageId: t.id({ description: '`msg_…` of the message that it answers.', ...notNull() }),
    mentions: t.stringList({
      description: 'Jids or phone numbers of people to mention; the text names each as `@` and the digits. At most 100.',
      ...notNull(people),
    }),
    expiresIn: t.int({
      description:
        'Seconds after which it is `failed` when it could not be sent; 24 hours by default, which is also the most.',
      ...notNull(between(1, 86_400)),
    }),
  }),
  extensions: { check: contentFitsType },
})

function people(value: string[]): Record<string, string> | string | null {
  if (value.length > 100) return 'must have at most 100 people'
  const problems = value.flatMap((each, i) => {
    const problem = person(each)
    return typeof problem === 'string' ? [[String(i), problem] as const] : []
  })
  return problems.length > 0 ? Object.fromEntries(problems) : null
}

const ReactInput = builder.inputType('ReactToMessageInput', {
  description: 'A reaction.',
  fields: t => ({
    emoji: t.string({
      required: true,
      description: 'One emoji; it takes the place of an earlier one. `""` takes the reaction back.',
      ...check((value: string) => (value === '' || isEmoji(value) ? null : 'must be one emoji, or empty')),
    }),
  }),
})

const EditInput = builder.inputType('EditMessageInput', {
  description: 'What a message is to say instead.',
  fields: t => ({
    content: t.field({
      type: MessageContentInput,
      required: true,
      description: '`{text}` of a text message, `{caption}` of an image, a video or a document.',
    }),
  }),
})

const PresenceEnum = builder.enumType('PresenceState', {
  description: 'What the chat shows of this account.',
  values: {
    composing: { description: 'Typing.' },
    paused: { description: 'Not typing any more.' },
    recording: { description: 'Recording a voice note.' },
  } satisfies Record<PresenceState, { description: string }>,
})

const PresenceInput = builder.inputType('SendPresenceInput', {
  description: 'What a chat is to show.',
  fields: t => ({
    chatId: t.string({ required: true, description: 'The chat, in any form that sending takes.', ...check(chatId) }),
    state: t.field({ type: PresenceEnum, required: true, description: 'What it shows.' }),
  }),
})

const PresenceObject = builder.objectRef<Presence>('Presence').implement({
  description: 'What a chat was told.',
  fields: t => ({
    chatId: t.exposeString('chatId', { description: 'The chat.' }),
    state: t.expose('state', { type: PresenceEnum, description: 'What it shows.' }),
  }),
})

const instanceId = { required: true, description: '`inst_…`' } as const
const messageId = { required: true, description: '`msg_…`' } as const

builder.queryFields(t => ({
  messages: t.field({
    type: MessagePage,
    description: 'The messages of a chat, newest first.',
    args: {
      instanceId: t.arg.id(instanceId),
      chatId: t.arg.string({
        required: true,
        description: 'The chat, in any form that sending takes.',
        ...check(chatId),
      }),
      limit: t.arg.int(pageArgs.limit),
      cursor: t.arg.string(pageArgs.cursor),
    },
    ...rest.get('/instances/{instance_id}/messages'),
    resolve: (_, args, ctx) => messages(ctx, args),
  }),
  message: t.field({
    type: MessageObject,
    description: 'One message.',
    args: { instanceId: t.arg.id(instanceId), messageId: t.arg.id(messageId) },
    ...rest.get('/instances/{instance_id}/messages/{message_id}'),
    resolve: (_, args, ctx) => message(ctx, args),
  }),
}))

builder.mutationFields(t => ({
  sendMessage: t.field({
    type: MessageObject,
    description:
      'Accepts a message. It is stored before the answer, and sent exactly once: the answer says `sent` when WhatsApp took it within 2 seconds, else `pending`.',
    args: {
      instanceId: t.arg.id(instanceId),
      input: t.arg({ type: SendInput, required: true, description: 'The message.' }),
    },
    ...rest.post('/instances/{instance_id}/messages', { status: 202, once: true }),
    resolve: (_, args, ctx) => sendMessage(ctx, args),
  }),
  editMessage: t.field({
    type: MessageObject,
    description:
      'Says otherwise what was sent, within 15 minutes: a text, or the caption of media. Stored before the answer, and sent exactly once.',
    args: {
      instanceId: t.arg.id(instanceId),
      messageId: t.arg.id(messageId),
      input: t.arg({ type: EditInput, required: true, description: 'What it is to say.' }),
    },
    ...rest.patch('/instances/{instance_id}/messages/{message_id}', { status: 202 }),
    resolve: (_, args, ctx) => editMessage(ctx, args),
  }),
  deleteMessage: t.field({
    type: 'Boolean',
    description: 'Deletes a sent message for everyone, within 48 hours. It stays here, with `deletedAt`. Answers true.',
    args: { instanceId: t.arg.id(instanceId), messageId: t.arg.id(messageId) },
    ...rest.delete('/instances/{instance_id}/messages/{message_id}'),
    resolve: (_, args, ctx) => deleteMessage(ctx, args),
  }),
  reactToMessage: t.field({
    type: MessageObject,
    description: 'Reacts to a message, or takes the reaction back. Answers the message.',
    args: {
      instanceId: t.arg.id(instanceId),
      messageId: t.arg.id(messageId),
      input: t.arg({ type: ReactInput, required: true, description: 'The reaction.' }),
    },
    ...rest.post('/instances/{instance_id}/messages/{message_id}/react', { status: 202, once: true }),
    resolve: (_, args, ctx) => reactToMessage(ctx, args),
  }),
  markMessageRead: t.field({
    type: MessageObject,
    description: 'Sends a read receipt for a received message. Answers the message.',
    args: { instanceId: t.arg.id(instanceId), messageId: t.arg.id(messageId) },
    ...rest.post('/instances/{instance_id}/messages/{message_id}/read', { status: 202, once: true }),
    resolve: (_, args, ctx) => markMessageRead(ctx, args),
  }),
  sendPresence: t.field({
    type: PresenceObject,
    description: 'Shows a chat that this account is typing, or recording, or neither. Nothing of it is kept.',
    args: {
      instanceId: t.arg.id(instanceId),
      input: t.arg({ type: PresenceInput, required: true, description: 'What the chat is to show.' }),
    },
    ...rest.post('/instances/{instance_id}/presence', { status: 202 }),
    resolve: (_, args, ctx) => sendPresence(ctx, args),
  }),
}))

builder.subscriptionFields(t => ({
  messageReceived: t.field({
    type: MessageObject,
    description: 'Each message that an instance receives.',
    args: { instanceId: t.arg.id(instanceId) },
    subscribe: (_, args, ctx) => messageReceived(ctx, args),
    resolve: event => event.subject,
  }),
  messageStatusChanged: t.field({
    type: MessageObject,
    description: 'Each change of the status of a sent message.',
    args: { instanceId: t.arg.id(instanceId) },
    subscribe: (_, args, ctx) => messageStatusChanged(ctx, args),
    resolve: event => event.subject,
  }),
}))
