import type { GraphQLResolveInfo } from 'graphql'
import type { Context } from '../context.ts'
import { type Loaders, NESTED_LIMIT } from '../resolvers/loaders.ts'
import { builder } from './builder.ts'
import { ChatObject, ChatPage, GroupObject, ParticipantObject } from './chats.ts'
import { between, check } from './check.ts'
import { InstanceType } from './instances.ts'
import { MessageObject, MessagePage } from './messages.ts'
import { pageArgs } from './page.ts'
import { graphqlOnly } from './route.ts'
import { WebhookObject } from './webhooks.ts'

/** How objects hold each other: for GraphQL alone, and read for all objects of a list at once. */

/** What changes something, or goes on for hours, reads anew. */
const loaders = (ctx: Context, { operation }: GraphQLResolveInfo): Loaders =>
  operation.operation === 'query' ? ctx.loaders.keeping : ctx.loaders

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
    resolve: (instance, args, ctx, info) => loaders(ctx, info).chats(instance, args),
  }),
  webhooks: t.field({
    type: [WebhookObject],
    description: 'Its webhooks, newest first.',
    ...graphqlOnly,
    resolve: (instance, _, ctx, info) => loaders(ctx, info).webhooks(instance),
  }),
  eventCount: t.int({
    description: 'The `seq` of its newest event: as `after` of a subscription it leaves out nothing from now on.',
    ...graphqlOnly,
    resolve: (instance, _, ctx, info) => loaders(ctx, info).eventCount(instance),
  }),
}))

builder.objectFields(ChatObject, t => ({
  instance: t.field({
    type: InstanceType,
    nullable: true,
    description: 'The instance it belongs to.',
    ...graphqlOnly,
    resolve: (chat, _, ctx, info) => loaders(ctx, info).instance(chat.instanceId),
  }),
  group: t.field({
    type: GroupObject,
    nullable: true,
    description: 'How the group is set up; null for a direct chat.',
    ...graphqlOnly,
    resolve: (chat, _, ctx, info) => (chat.isGroup ? loaders(ctx, info).group(chat) : null),
  }),
  lastMessage: t.field({
    type: MessageObject,
    nullable: true,
    description: 'The newest message.',
    ...graphqlOnly,
    resolve: (chat, _, ctx, info) => loaders(ctx, info).lastMessage(chat),
  }),
  messages: t.field({
    type: MessagePage,
    description: 'Its messages, newest first.',
    args: { limit: t.arg.int(nestedArgs.limit), cursor: t.arg.string(nestedArgs.cursor) },
    ...graphqlOnly,
    resolve: (chat, args, ctx, info) => loaders(ctx, info).messages(chat, args),
  }),
}))

builder.objectFields(GroupObject, t => ({
  chat: t.field({
    type: ChatObject,
    nullable: true,
    description: 'Its chat.',
    ...graphqlOnly,
    resolve: (group, _, ctx, info) => loaders(ctx, info).chat(group.key),
  }),
  participants: t.field({
    type: [ParticipantObject],
    description: 'Who is in it.',
    ...graphqlOnly,
    resolve: (group, _, ctx, info) => loaders(ctx, info).participants(group),
  }),
}))

builder.objectFields(MessageObject, t => ({
  instance: t.field({
    type: InstanceType,
    nullable: true,
    description: 'The instance it belongs to.',
    ...graphqlOnly,
    resolve: (message, _, ctx, info) => loaders(ctx, info).instance(message.instanceId),
  }),
  chat: t.field({
    type: ChatObject,
    nullable: true,
    description: 'The chat it is in.',
    ...graphqlOnly,
    resolve: (message, _, ctx, info) => loaders(ctx, info).chat(message.chat),
  }),
  quotedMessage: t.field({
    type: MessageObject,
    nullable: true,
    description: 'The message that it answers; null when there is none, or when it is not here.',
    ...graphqlOnly,
    resolve: (message, _, ctx, info) =>
      message.quotedMessageId ? loaders(ctx, info).message(message.quotedMessageId) : null,
  }),
}))
