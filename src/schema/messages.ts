import { message } from '../resolvers/messages/message.ts'
import { messages } from '../resolvers/messages/messages.ts'
import { sendMessage } from '../resolvers/messages/sendMessage.ts'
import type { MessageContent, MessageError, StoredMessage } from '../resolvers/messages/shape.ts'
import type { MessageStatus } from '../resolvers/messages/status.ts'
import { messageReceived, messageStatusChanged } from '../resolvers/messages/watch.ts'
import { builder } from './builder.ts'
import { between, check, notNull, text } from './check.ts'
import { type Page, PageInfo, pageArgs } from './page.ts'
import { chatId } from './phone.ts'
import { routes } from './route.ts'

const rest = routes('Messages')

const Direction = builder.enumType('MessageDirection', {
  description: 'Which way a message went.',
  values: {
    inbound: { description: 'Received by the instance.' },
    outbound: { description: 'Sent by the instance, through the API or on its own phone.' },
  },
})

export const MessageTypeEnum = builder.enumType('MessageType', {
  description: 'What kind of message it is.',
  values: {
    text: { description: 'Plain text.' },
    unsupported: { description: 'A kind that this version does not read; it is kept nonetheless.' },
  } satisfies Record<MessageContent['type'], { description: string }>,
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

const TextContent = builder.objectRef<Extract<MessageContent, { type: 'text' }>>('TextContent').implement({
  description: 'Content of a text message.',
  fields: t => ({ text: t.exposeString('text', { description: 'The text.' }) }),
})

const UnsupportedContent = builder
  .objectRef<Extract<MessageContent, { type: 'unsupported' }>>('UnsupportedContent')
  .implement({
    description: 'Stands for a kind of message that this version does not read.',
    fields: t => ({ kind: t.exposeString('kind', { description: "The protocol's own name of the kind." }) }),
  })

export const MessageContentUnion = builder.unionType('MessageContent', {
  description: 'What a message says, by its type.',
  types: [TextContent, UnsupportedContent],
  resolveType: content => (content.type === 'text' ? TextContent : UnsupportedContent),
})

const ErrorType = builder.objectRef<MessageError>('MessageError').implement({
  description: 'Why a message failed.',
  fields: t => ({
    code: t.exposeString('code', { description: 'Stable, for programs.' }),
    message: t.exposeString('message', { description: 'A sentence for people.' }),
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
    timestamp: t.expose('timestamp', { type: 'DateTime', description: 'When it was written.' }),
    error: t.field({
      type: ErrorType,
      nullable: true,
      description: 'Why it failed, or null.',
      resolve: stored => stored.error,
    }),
  }),
})

const MessagePage = builder.objectRef<Page<StoredMessage>>('MessagePage').implement({
  description: 'Messages of a chat, newest first.',
  fields: t => ({
    data: t.field({ type: [MessageObject], description: 'The messages of this page.', resolve: page => page.data }),
    page: t.field({ type: PageInfo, description: 'Where the list goes on.', resolve: page => page.page }),
  }),
})

export const SendableTypeEnum = builder.enumType('SendableType', {
  description: 'What kinds of message can be sent.',
  values: { text: { description: '`content` is `{text}`.' } },
})

export const MessageContentInput = builder.inputType('MessageContentInput', {
  description: 'The fields that the `type` asks for.',
  fields: t => ({
    text: t.string({ description: 'For `text`: up to 65,536 characters.', ...notNull(text(65_536)) }),
  }),
})

/** Each type asks for its own fields and admits no others. What its own type refused is not there, and is told already. */
export const contentFitsType = (input: {
  type?: 'text'
  content?: { text?: string | null }
}): Record<string, string> | null => {
  if (input.type !== 'text' || !input.content || input.content.text) return null
  return { 'content.text': input.content.text === '' ? 'must not be empty' : 'is required' }
}

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
    expiresIn: t.int({
      description:
        'Seconds after which it is `failed` when it could not be sent; 24 hours by default, which is also the most.',
      ...notNull(between(1, 86_400)),
    }),
  }),
  extensions: { check: contentFitsType },
})

const instanceId = { required: true, description: '`inst_…`' } as const

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
    args: { instanceId: t.arg.id(instanceId), messageId: t.arg.id({ required: true, description: '`msg_…`' }) },
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
