import { createSandboxGroup } from '../resolvers/sandbox/createSandboxGroup.ts'
import { type FaultKind, injectSandboxFault } from '../resolvers/sandbox/injectSandboxFault.ts'
import { sandboxMessages } from '../resolvers/sandbox/sandboxMessages.ts'
import { scanSandboxQr } from '../resolvers/sandbox/scanSandboxQr.ts'
import { sendSandboxMessage } from '../resolvers/sandbox/sendSandboxMessage.ts'
import { type SandboxReaction, sendSandboxReaction } from '../resolvers/sandbox/sendSandboxReaction.ts'
import { type SandboxReceipt, sendSandboxReceipt } from '../resolvers/sandbox/sendSandboxReceipt.ts'
import type { ShownOnPhone } from '../resolvers/sandbox/shape.ts'
import { builder } from './builder.ts'
import { check } from './check.ts'
import { StatusObject } from './instances.ts'
import {
  ContactsContent,
  LocationContent,
  MessageTypeEnum,
  TextContent,
  UnsupportedContent,
} from './message-content.ts'
import { digits } from './phone.ts'
import { routes } from './route.ts'
import {
  ContactInput,
  FaultInput,
  FaultKindEnum,
  GroupInput,
  ReactionInput,
  ReceiptInput,
  ReceiptStatus,
} from './sandbox-inputs.ts'

const rest = routes('Sandbox')

type ShownMedia = Extract<ShownOnPhone['content'], { media: unknown }>

const File = builder.objectRef<ShownMedia['media']>('SandboxMedia').implement({
  description: 'A file that a phone has downloaded and decrypted.',
  fields: t => ({
    mimeType: t.exposeString('mimeType', { description: 'Its media type, as the sender says.' }),
    sizeBytes: t.exposeInt('sizeBytes', { description: 'Its size in bytes.' }),
    sha256: t.exposeString('sha256', { description: 'The SHA-256 of its bytes, in hex.' }),
  }),
})

const MediaContent = builder.objectRef<ShownMedia>('SandboxMediaContent').implement({
  description: 'Content of a picture, a film, a sound, a file or a sticker on a phone.',
  fields: t => ({
    media: t.expose('media', { type: File, description: 'The file.' }),
    caption: t.exposeString('caption', { nullable: true, description: 'The text below it, or null.' }),
    filename: t.exposeString('filename', { nullable: true, description: 'Of a document: its name, or null.' }),
    ptt: t.exposeBoolean('ptt', { description: 'Whether it is a voice note.' }),
  }),
})

const ShownContent = builder.unionType('SandboxMessageContent', {
  description: 'What a message on a phone says, by its type.',
  types: [TextContent, MediaContent, LocationContent, ContactsContent, UnsupportedContent],
  resolveType: content => {
    if (content.type === 'text') return TextContent
    if (content.type === 'location') return LocationContent
    if (content.type === 'contacts') return ContactsContent
    return content.type === 'unsupported' ? UnsupportedContent : MediaContent
  },
})

const ShownReaction = builder.objectRef<ShownOnPhone['reactions'][number]>('SandboxShownReaction').implement({
  description: 'A reaction that a phone shows.',
  fields: t => ({
    from: t.exposeString('from', { description: 'The digits of who reacted.' }),
    emoji: t.exposeString('emoji', { description: 'One emoji.' }),
  }),
})

const Shown = builder.objectRef<ShownOnPhone>('SandboxMessage').implement({
  description: "A message as a virtual contact's phone shows it, decrypted.",
  fields: t => ({
    whatsappId: t.exposeString('whatsappId', {
      description: "WhatsApp's id of the message; a repeat is not shown again.",
    }),
    chatId: t.exposeString('chatId', { description: 'The chat as the contact sees it.' }),
    fromMe: t.exposeBoolean('fromMe', { description: 'Whether the contact wrote it.' }),
    type: t.field({ type: MessageTypeEnum, description: 'What kind it is.', resolve: shown => shown.content.type }),
    content: t.field({ type: ShownContent, description: 'What it says.', resolve: shown => shown.content }),
    quotedWhatsappId: t.exposeString('quotedWhatsappId', {
      nullable: true,
      description: "WhatsApp's id of the message that it answers, or null.",
    }),
    reactions: t.expose('reactions', { type: [ShownReaction], description: 'Reactions to it.' }),
    edited: t.exposeBoolean('edited', { description: 'Whether it says so.' }),
    deleted: t.exposeBoolean('deleted', { description: 'Whether the phone shows only that there was something.' }),
    at: t.expose('at', { type: 'DateTime', description: 'When it reached the phone.' }),
  }),
})

const ShownList = builder.objectRef<ShownOnPhone[]>('SandboxMessageList').implement({
  description: 'What a phone shows, oldest first.',
  fields: t => ({ data: t.field({ type: [Shown], description: 'All of it.', resolve: list => list }) }),
})

const Sent = builder.objectRef<{ whatsappId: string }>('SandboxSent').implement({
  description: 'A message that a virtual contact has sent.',
  fields: t => ({ whatsappId: t.exposeString('whatsappId', { description: "WhatsApp's id of the message." }) }),
})

const Receipt = builder.objectRef<SandboxReceipt>('SandboxReceipt').implement({
  description: 'A receipt that a virtual contact has sent.',
  fields: t => ({
    contact: t.exposeString('contact', { description: "The digits of the contact's phone number." }),
    messageId: t.exposeID('messageId', { description: '`msg_…`' }),
    status: t.expose('status', { type: ReceiptStatus, description: 'What was told.' }),
  }),
})

const Reaction = builder.objectRef<SandboxReaction>('SandboxReaction').implement({
  description: 'A reaction that a virtual contact has sent.',
  fields: t => ({
    contact: t.exposeString('contact', { description: "The digits of the contact's phone number." }),
    messageId: t.exposeID('messageId', { description: '`msg_…`' }),
    emoji: t.exposeString('emoji', { description: 'One emoji, or empty.' }),
  }),
})

const Group = builder.objectRef<{ id: string; subject: string; participantCount: number }>('SandboxGroup').implement({
  description: 'A group in the sandbox.',
  fields: t => ({
    id: t.exposeString('id', { description: '`…@g.us`' }),
    subject: t.exposeString('subject', { description: 'Its name.' }),
    participantCount: t.exposeInt('participantCount', { description: "How many are in it, the instance's phone too." }),
  }),
})

const Fault = builder.objectRef<{ kind: FaultKind; code: number | null }>('SandboxFault').implement({
  description: 'A fault that was injected.',
  fields: t => ({
    kind: t.expose('kind', { type: FaultKindEnum, description: 'What goes wrong.' }),
    code: t.exposeInt('code', { nullable: true, description: 'With which code, or null.' }),
  }),
})

const instanceId = { required: true, description: '`inst_…` of an instance made with `sandbox: true`.' } as const
const input = { required: true, description: 'What happens.' } as const

builder.queryFields(t => ({
  sandboxMessages: t.field({
    type: ShownList,
    description: "What a virtual contact's phone shows of its traffic with the instance.",
    args: {
      instanceId: t.arg.id(instanceId),
      contact: t.arg.string({ required: true, description: 'The digits of its phone number.', ...check(digits) }),
    },
    ...rest.get('/instances/{instance_id}/sandbox/messages'),
    resolve: (_, args, ctx) => sandboxMessages(ctx, args),
  }),
}))

builder.mutationFields(t => ({
  scanSandboxQr: t.field({
    type: StatusObject,
    description: 'A virtual phone scans the present QR code. Answers once the instance is connected.',
    args: { instanceId: t.arg.id(instanceId) },
    ...rest.post('/instances/{instance_id}/sandbox/scan', { conflicts: true }),
    resolve: (_, args, ctx) => scanSandboxQr(ctx, args),
  }),
  sendSandboxMessage: t.field({
    type: Sent,
    description: 'A virtual contact sends the instance a message, encrypted, by the protocol.',
    args: { instanceId: t.arg.id(instanceId), input: t.arg({ type: ContactInput, ...input }) },
    ...rest.post('/instances/{instance_id}/sandbox/messages', { status: 202, once: true }),
    resolve: (_, args, ctx) => sendSandboxMessage(ctx, args),
  }),
  sendSandboxReceipt: t.field({
    type: Receipt,
    description: "A virtual contact's phone delivers or reads a message.",
    args: { instanceId: t.arg.id(instanceId), input: t.arg({ type: ReceiptInput, ...input }) },
    ...rest.post('/instances/{instance_id}/sandbox/receipts', { conflicts: true }),
    resolve: (_, args, ctx) => sendSandboxReceipt(ctx, args),
  }),
  sendSandboxReaction: t.field({
    type: Reaction,
    description: 'A virtual contact reacts to a message, or takes its reaction back.',
    args: { instanceId: t.arg.id(instanceId), input: t.arg({ type: ReactionInput, ...input }) },
    ...rest.post('/instances/{instance_id}/sandbox/reactions', { once: true }),
    resolve: (_, args, ctx) => sendSandboxReaction(ctx, args),
  }),
  createSandboxGroup: t.field({
    type: Group,
    description: "The instance's phone makes a group with virtual contacts.",
    args: { instanceId: t.arg.id(instanceId), input: t.arg({ type: GroupInput, ...input }) },
    ...rest.post('/instances/{instance_id}/sandbox/groups', { status: 201, once: true }),
    resolve: (_, args, ctx) => createSandboxGroup(ctx, args),
  }),
  injectSandboxFault: t.field({
    type: Fault,
    description: 'Something goes wrong between the instance and WhatsApp.',
    args: { instanceId: t.arg.id(instanceId), input: t.arg({ type: FaultInput, ...input }) },
    ...rest.post('/instances/{instance_id}/sandbox/faults', { conflicts: true }),
    resolve: (_, args, ctx) => injectSandboxFault(ctx, args),
  }),
}))
