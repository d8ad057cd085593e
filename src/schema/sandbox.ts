import { sandboxMessages } from '../resolvers/sandbox/sandboxMessages.ts'
import { scanSandboxQr } from '../resolvers/sandbox/scanSandboxQr.ts'
import { sendSandboxMessage } from '../resolvers/sandbox/sendSandboxMessage.ts'
import type { ShownOnPhone } from '../resolvers/sandbox/shape.ts'
import { builder } from './builder.ts'
import { check, notNull } from './check.ts'
import { StatusObject } from './instances.ts'
import {
  contentFitsType,
  MessageContentInput,
  MessageContentUnion,
  MessageTypeEnum,
  SendableTypeEnum,
} from './message-content.ts'
import { chatId, digits } from './phone.ts'
import { routes } from './route.ts'

const rest = routes('Sandbox')

const Shown = builder.objectRef<ShownOnPhone>('SandboxMessage').implement({
  description: "A message as a virtual contact's phone shows it, decrypted.",
  fields: t => ({
    whatsappId: t.exposeString('whatsappId', {
      description: "WhatsApp's id of the message; a repeat is not shown again.",
    }),
    chatId: t.exposeString('chatId', { description: 'The chat as the contact sees it.' }),
    type: t.field({ type: MessageTypeEnum, description: 'What kind it is.', resolve: shown => shown.content.type }),
    content: t.field({ type: MessageContentUnion, description: 'What it says.', resolve: shown => shown.content }),
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

const ContactInput = builder.inputType('SendSandboxMessageInput', {
  description: 'A message from a virtual contact.',
  fields: t => ({
    from: t.string({ required: true, description: 'The digits of any phone number.', ...check(digits) }),
    type: t.field({ type: SendableTypeEnum, required: true, description: 'What kind it is.' }),
    content: t.field({ type: MessageContentInput, required: true, description: 'What it says.' }),
    chatId: t.string({ description: 'A group that both are in; left out: the direct chat.', ...notNull(chatId) }),
  }),
  extensions: { check: contentFitsType },
})

const instanceId = { required: true, description: '`inst_…` of an instance made with `sandbox: true`.' } as const

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
    ...rest.post('/instances/{instance_id}/sandbox/scan'),
    resolve: (_, args, ctx) => scanSandboxQr(ctx, args),
  }),
  sendSandboxMessage: t.field({
    type: Sent,
    description: 'A virtual contact sends the instance a message, encrypted, by the protocol.',
    args: {
      instanceId: t.arg.id(instanceId),
      input: t.arg({ type: ContactInput, required: true, description: 'The message.' }),
    },
    ...rest.post('/instances/{instance_id}/sandbox/messages', { status: 202 }),
    resolve: (_, args, ctx) => sendSandboxMessage(ctx, args),
  }),
}))
