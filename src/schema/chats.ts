import { chat } from '../resolvers/chats/chat.ts'
import { chats } from '../resolvers/chats/chats.ts'
import { groups } from '../resolvers/chats/groups.ts'
import type { ChatDetails, Participant, StoredChat, StoredGroup } from '../resolvers/chats/shape.ts'
import { builder } from './builder.ts'
import { type Page, PageInfo, pageArgs } from './page.ts'
import { routes } from './route.ts'

const rest = routes('Chats & Groups')

type Fields<Shape> = PothosSchemaTypes.ObjectFieldBuilder<BuilderTypes, Shape>
type BuilderTypes = typeof builder extends PothosSchemaTypes.SchemaBuilder<infer Types> ? Types : never

/** Those of a chat in a list, which its details have too. */
const chatFields = <Shape extends StoredChat>(t: Fields<Shape>) => ({
  id: t.string({
    description:
      '`…@s.whatsapp.net` once the phone number is known, `…@lid` until then, `…@g.us` for groups: where to send to.',
    resolve: shown => shown.id,
  }),
  instanceId: t.id({ description: 'The instance it belongs to.', resolve: shown => shown.instanceId }),
  name: t.string({
    nullable: true,
    description:
      "The subject of a group; of a person the name in the phone's address book, else what they call themselves.",
    resolve: shown => shown.name,
  }),
  isGroup: t.boolean({ description: 'Whether it is a group.', resolve: shown => shown.isGroup }),
  lid: t.string({
    nullable: true,
    description: 'The `…@lid` form of a direct chat, once known.',
    resolve: shown => shown.lid,
  }),
  phoneNumber: t.string({
    nullable: true,
    description: 'The phone number of a direct chat, such as `+5511999999999`, once known.',
    resolve: shown => shown.phoneNumber,
  }),
  unreadCount: t.int({
    description: 'Received messages that were read neither here nor on the phone.',
    resolve: shown => shown.unreadCount,
  }),
  archived: t.boolean({ description: 'Whether the phone has it in the archive.', resolve: shown => shown.archived }),
  pinnedAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When it was pinned on the phone; null: it is not.',
    resolve: shown => shown.pinnedAt,
  }),
  mutedUntil: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'Until when the phone is silent about it; null: it is not.',
    resolve: shown => shown.mutedUntil,
  }),
  lastMessageAt: t.field({
    type: 'DateTime',
    nullable: true,
    description: 'When the last message was written.',
    resolve: shown => shown.lastMessageAt,
  }),
  createdAt: t.field({
    type: 'DateTime',
    description: 'When it was first known here.',
    resolve: shown => shown.createdAt,
  }),
})

export const ChatObject = builder.objectRef<StoredChat>('Chat').implement({
  description: 'A conversation with a person or a group.',
  fields: t => chatFields(t),
})

const ParticipantRole = builder.enumType('ParticipantRole', {
  description: 'What a participant may do in a group.',
  values: {
    member: { description: 'Writes, unless only admins may.' },
    admin: { description: 'Changes the group and who is in it.' },
    superadmin: { description: 'The admin who made the group.' },
  } satisfies Record<Participant['role'], { description: string }>,
})

export const ParticipantObject = builder.objectRef<Participant>('Participant').implement({
  description: 'A person in a group.',
  fields: t => ({
    id: t.exposeString('id', { description: '`…@s.whatsapp.net` once the phone number is known, else `…@lid`.' }),
    lid: t.exposeString('lid', { nullable: true, description: 'The `…@lid` form, once known.' }),
    phoneNumber: t.exposeString('phoneNumber', { nullable: true, description: 'The phone number, once known.' }),
    role: t.expose('role', { type: ParticipantRole, description: 'What they may do.' }),
  }),
})

const Details = builder.objectRef<ChatDetails>('ChatDetails').implement({
  description: 'A chat, and of a group who is in it and how it is set up; those fields are null for a direct chat.',
  fields: t => ({
    ...chatFields(t),
    description: t.string({
      nullable: true,
      description: "The group's description.",
      resolve: ({ group }) => group?.description ?? null,
    }),
    owner: t.string({
      nullable: true,
      description: 'Who made the group: a jid.',
      resolve: ({ group }) => group?.owner,
    }),
    announce: t.boolean({
      nullable: true,
      description: 'Whether only admins may write.',
      resolve: ({ group }) => group?.announce,
    }),
    locked: t.boolean({
      nullable: true,
      description: 'Whether only admins may change subject, picture and description.',
      resolve: ({ group }) => group?.locked,
    }),
    participantCount: t.int({
      nullable: true,
      description: 'How many are in the group.',
      resolve: ({ group }) => group?.participantCount,
    }),
    participants: t.field({
      type: [ParticipantObject],
      nullable: true,
      description: 'Who is in the group.',
      resolve: ({ participants }) => participants,
    }),
  }),
})

export const GroupObject = builder.objectRef<StoredGroup>('Group').implement({
  description: 'A group that the account is in.',
  fields: t => ({
    id: t.exposeString('id', { description: '`…@g.us`' }),
    instanceId: t.exposeID('instanceId', { description: 'The instance it belongs to.' }),
    name: t.exposeString('name', { description: 'Its subject.' }),
    description: t.exposeString('description', { nullable: true, description: 'Its description.' }),
    owner: t.exposeString('owner', { nullable: true, description: 'Who made it: a jid; null when that is not told.' }),
    announce: t.exposeBoolean('announce', { description: 'Whether only admins may write.' }),
    locked: t.exposeBoolean('locked', {
      description: 'Whether only admins may change subject, picture and description.',
    }),
    participantCount: t.exposeInt('participantCount', { description: 'How many are in it.' }),
    createdAt: t.expose('createdAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was made; null when that is not told.',
    }),
  }),
})

export const ChatPage = builder.objectRef<Page<StoredChat>>('ChatPage').implement({
  description: 'Chats of an instance; those first known last come first.',
  fields: t => ({
    data: t.field({ type: [ChatObject], description: 'The chats of this page.', resolve: page => page.data }),
    page: t.field({ type: PageInfo, description: 'Where the list goes on.', resolve: page => page.page }),
  }),
})

const GroupPage = builder.objectRef<Page<StoredGroup>>('GroupPage').implement({
  description: 'Groups that the account is in; those first known last come first.',
  fields: t => ({
    data: t.field({ type: [GroupObject], description: 'The groups of this page.', resolve: page => page.data }),
    page: t.field({ type: PageInfo, description: 'Where the list goes on.', resolve: page => page.page }),
  }),
})

const instanceId = { required: true, description: '`inst_…`' } as const

builder.queryFields(t => ({
  chats: t.field({
    type: ChatPage,
    description: 'The chats of an instance: from what the phone tells, and from messages.',
    args: {
      instanceId: t.arg.id(instanceId),
      limit: t.arg.int(pageArgs.limit),
      cursor: t.arg.string(pageArgs.cursor),
    },
    ...rest.get('/instances/{instance_id}/chats'),
    resolve: (_, args, ctx) => chats(ctx, args),
  }),
  chat: t.field({
    type: Details,
    description: 'One chat.',
    args: {
      instanceId: t.arg.id(instanceId),
      chatId: t.arg.string({ required: true, description: 'In any form that sending takes.' }),
    },
    ...rest.get('/instances/{instance_id}/chats/{chat_id}'),
    resolve: (_, args, ctx) => chat(ctx, args),
  }),
  groups: t.field({
    type: GroupPage,
    description: 'The groups that the account is in.',
    args: {
      instanceId: t.arg.id(instanceId),
      limit: t.arg.int(pageArgs.limit),
      cursor: t.arg.string(pageArgs.cursor),
    },
    ...rest.get('/instances/{instance_id}/groups'),
    resolve: (_, args, ctx) => groups(ctx, args),
  }),
}))
