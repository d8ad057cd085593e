import { NESTED_LIMIT } from '../resolvers/loaders.ts'
import { builder } from './builder.ts'
import { ChatObject, ChatPage, GroupObject, ParticipantObject } from './chats.ts'
import { between, check } from './check.ts'
import { InstanceType } from './instances.ts'
import { MessageObject, MessagePage } from './messages.ts'
import { pageArgs } from './page.ts'
import { graphqlOnly } from './route.ts'

/** How objects hold each other: for GraphQL alone, and read for all objects of a list at once. */

const nestedArgs = {
  limit: {
    defaultValue: NESTED_LIMIT,
    description: 'How many to give of each, 1 to 200.',
    ...check(between(1, 200)),
  },
  cursor: pageArgs.cursor,
} as const

builder.objectFields(InstanceType, t => ({
  chats: t.field({
    type: ChatPage,
    description: 'Its chats.',
    args: { limit: t.arg.int(nestedArgs.limit), cursor: t.arg.string(nestedArgs.cursor) },
    ...graphqlOnly,
    resolve: (instance, args, ctx) => ctx.loaders.chats(instance.id, args),
  }),
}))

builder.objectFields(ChatObject, t => ({
  instance: t.field({
    type: InstanceType,
    nullable: true,
    description: 'The instance it belongs to.',
    ...graphqlOnly,
    resolve: (chat, _, ctx) => ctx.loaders.instance(chat.instanceId),
  }),
  group: t.field({
    type: GroupObject,
    nullable: true,
    description: 'How the group is set up; null for a direct chat.',
    ...graphqlOnly,
    resolve: (chat, _, ctx) => (chat.isGroup ? ctx.loaders.group(chat.key) : null),
  }),
  lastMessage: t.field({
    type: MessageObject,
    nullable: true,
    description: 'The newest message.',
    ...graphqlOnly,
    resolve: (chat, _, ctx) => ctx.loaders.lastMessage(chat.key),
  }),
  messages: t.field({
    type: MessagePage,
    description: 'Its messages, newest first.',
    args: { limit: t.arg.int(nestedArgs.limit), cursor: t.arg.string(nestedArgs.cursor) },
    ...graphqlOnly,
    resolve: (chat, args, ctx) => ctx.loaders.messages(chat.key, args),
  }),
}))

builder.objectFields(GroupObject, t => ({
  chat: t.field({
    type: ChatObject,
    nullable: true,
    description: 'Its chat.',
    ...graphqlOnly,
    resolve: (group, _, ctx) => ctx.loaders.chat(group.key),
  }),
  participants: t.field({
    type: [ParticipantObject],
    description: 'Who is in it.',
    ...graphqlOnly,
    resolve: (group, _, ctx) => ctx.loaders.participants(group.key),
  }),
}))

builder.objectFields(MessageObject, t => ({
  instance: t.field({
    type: InstanceType,
    nullable: true,
    description: 'The instance it belongs to.',
    ...graphqlOnly,
    resolve: (message, _, ctx) => ctx.loaders.instance(message.instanceId),
  }),
  chat: t.field({
    type: ChatObject,
    nullable: true,
    description: 'The chat it is in.',
    ...graphqlOnly,
    resolve: (message, _, ctx) => ctx.loaders.chat(message.chat),
  }),
  quotedMessage: t.field({
    type: MessageObject,
    nullable: true,
    description: 'The message that it answers; null when there is none, or when it is not here.',
    ...graphqlOnly,
    resolve: (message, _, ctx) => (message.quotedMessageId ? ctx.loaders.message(message.quotedMessageId) : null),
  }),
}))
