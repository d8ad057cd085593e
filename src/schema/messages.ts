import { deleteMessage } from '../resolvers/messages/deleteMessage.ts'
import { editMessage } from '../resolvers/messages/editMessage.ts'
import { markMessageRead } from '../resolvers/messages/markMessageRead.ts'
import { message } from '../resolvers/messages/message.ts'
import { messages } from '../resolvers/messages/messages.ts'
import { reactToMessage } from '../resolvers/messages/reactToMessage.ts'
import { sendMessage } from '../resolvers/messages/sendMessage.ts'
import { type Presence, sendPresence } from '../resolvers/messages/sendPresence.ts'
import type { MessageError, Reaction, StoredMessage } from '../resolvers/messages/shape.ts'
import type { MessageStatus } from '../resolvers/messages/status.ts'
import { builder } from './builder.ts'
import { check } from './check.ts'
import { MessageContentUnion, MessageTypeEnum } from './message-content.ts'
import { EditInput, PresenceEnum, PresenceInput, ReactInput, SendInput } from './message-inputs.ts'
import { type Page, PageInfo, pageArgs } from './page.ts'
import { chatId } from './phone.ts'
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

export const ErrorType = builder.objectRef<MessageError>('MessageError').implement({
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
    reactions: t.expose('reactions', {
      type: [ReactionType],
      description: 'Reactions to it: the newest of each person.',
    }),
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
    ...rest.post('/instances/{instance_id}/messages', { status: 202, once: true, counted: true }),
    resolve: (_, args, ctx) => sendMessage(ctx, args),
  }),
  editMessage: t.field({
    type: MessageObject,
    description:
      'Edits a sent message, within 15 minutes: its text, or the caption of its media. Stored before the answer, and sent exactly once.',
    args: {
      instanceId: t.arg.id(instanceId),
      messageId: t.arg.id(messageId),
      input: t.arg({ type: EditInput, required: true, description: 'What it is to say.' }),
    },
    ...rest.patch('/instances/{instance_id}/messages/{message_id}', { status: 202, conflicts: true }),
    resolve: (_, args, ctx) => editMessage(ctx, args),
  }),
  deleteMessage: t.field({
    type: 'Boolean',
    description: 'Deletes a sent message for everyone, within 48 hours. It stays here, with `deletedAt`. Answers true.',
    args: { instanceId: t.arg.id(instanceId), messageId: t.arg.id(messageId) },
    ...rest.delete('/instances/{instance_id}/messages/{message_id}', { conflicts: true }),
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
    ...rest.post('/instances/{instance_id}/presence', { status: 202, conflicts: true }),
    resolve: (_, args, ctx) => sendPresence(ctx, args),
  }),
}))
