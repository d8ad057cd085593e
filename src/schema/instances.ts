import { connectInstance } from '../resolvers/instances/connectInstance.ts'
import { createInstance } from '../resolvers/instances/createInstance.ts'
import { deleteInstance } from '../resolvers/instances/deleteInstance.ts'
import { disconnectInstance } from '../resolvers/instances/disconnectInstance.ts'
import { instance } from '../resolvers/instances/instance.ts'
import { instanceStatus } from '../resolvers/instances/instanceStatus.ts'
import { instances } from '../resolvers/instances/instances.ts'
import {
  type ConnectResult,
  configOf,
  type InstanceConfig,
  type InstanceStatus,
  type QrUpdate,
  type StoredInstance,
  statusOf,
} from '../resolvers/instances/shape.ts'
import { updateInstance } from '../resolvers/instances/updateInstance.ts'
import type { InstanceState } from '../whatsapp/whatsapp.ts'
import { builder } from './builder.ts'
import { check, line, notNull, text } from './check.ts'
import { type Page, PageInfo, pageArgs } from './page.ts'
import { phoneNumber } from './phone.ts'
import { routes } from './route.ts'

const rest = routes('Instances')

export const State = builder.enumType('InstanceState', {
  description: 'How an instance stands with WhatsApp.',
  values: {
    disconnected: { description: 'No connection, and none is being tried.' },
    connecting: { description: 'On the way to the first connection, or to a QR code.' },
    qr_required: { description: 'Waiting for a phone to scan the QR code or type the pairing code.' },
    connected: { description: 'Linked and online: messages flow.' },
    reconnecting: { description: 'Linked, the connection was lost, and it is being tried again.' },
    logged_out: { description: 'The phone removed the link: connect again and scan.' },
    error: { description: 'WhatsApp refuses the connection; `lastError` says why.' },
  } satisfies Record<InstanceState, { description: string }>,
})

export const StatusObject = builder.objectRef<InstanceStatus>('InstanceStatus').implement({
  description: 'The state of an instance, and since when.',
  fields: t => ({
    state: t.expose('state', { type: State, description: 'How the instance stands with WhatsApp.' }),
    lastError: t.exposeString('lastError', {
      nullable: true,
      description: 'What last went wrong, in a sentence; null once connected.',
    }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime', description: 'When the state last changed.' }),
  }),
})

const Config = builder.objectRef<InstanceConfig>('InstanceConfig').implement({
  description: 'How an instance behaves.',
  fields: t => ({
    autoReconnect: t.exposeBoolean('autoReconnect', {
      description: 'Whether a lost connection is tried again, also after a restart of the server.',
    }),
    downloadMedia: t.exposeBoolean('downloadMedia', {
      description: 'Whether media of received messages is fetched at once rather than when first asked for.',
    }),
    emitRaw: t.exposeBoolean('emitRaw', {
      description: "Whether events carry WhatsApp's own form of the message as `raw`.",
    }),
  }),
})

export const InstanceType = builder.objectRef<StoredInstance>('Instance').implement({
  description: 'One WhatsApp account, linked or to be linked.',
  fields: t => ({
    id: t.exposeID('id', { description: '`inst_…`' }),
    name: t.exposeString('name', { description: 'Unique among your instances.' }),
    description: t.exposeString('description', { nullable: true, description: 'For your own notes.' }),
    status: t.field({ type: StatusObject, description: 'How it stands with WhatsApp.', resolve: statusOf }),
    phoneNumber: t.exposeString('phoneNumber', {
      nullable: true,
      description: 'The number of the linked phone, such as `+5511999999999`; null before the first link.',
    }),
    config: t.field({ type: Config, description: 'How it behaves.', resolve: configOf }),
    sandbox: t.exposeBoolean('sandbox', { description: 'Whether it lives in the simulated WhatsApp network.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was created.' }),
    updatedAt: t.expose('updatedAt', {
      type: 'DateTime',
      description: 'When its name, description or config last changed.',
    }),
  }),
})

const InstancePage = builder.objectRef<Page<StoredInstance>>('InstancePage').implement({
  description: 'Instances, newest first.',
  fields: t => ({
    data: t.field({ type: [InstanceType], description: 'The instances of this page.', resolve: page => page.data }),
    page: t.field({ type: PageInfo, description: 'Where the list goes on.', resolve: page => page.page }),
  }),
})

const Connection = builder.objectRef<ConnectResult>('ConnectResult').implement({
  description: 'How far connecting has come. With a QR, show it to the phone; ask again for the newest one.',
  fields: t => ({
    status: t.field({
      type: StatusObject,
      description: 'How the instance stands now.',
      resolve: result => result.status,
    }),
    qr: t.exposeString('qr', {
      nullable: true,
      description: 'The text of the QR code to scan; null when none is needed.',
    }),
    qrImageDataUrl: t.exposeString('qrImageDataUrl', {
      nullable: true,
      description: 'The same code as a PNG in a `data:` URL.',
    }),
    pairingCode: t.exposeString('pairingCode', {
      nullable: true,
      description: 'The code to type on the phone, when `phoneNumber` was given.',
    }),
  }),
})

export const QrObject = builder.objectRef<QrUpdate>('QrUpdate').implement({
  description: 'A new QR code to show.',
  fields: t => ({
    qr: t.exposeString('qr', { description: 'The text of the code.' }),
    qrImageDataUrl: t.exposeString('qrImageDataUrl', { description: 'The code as a PNG in a `data:` URL.' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime', description: 'When WhatsApp takes this code back.' }),
  }),
})

const ConfigInput = builder.inputType('InstanceConfigInput', {
  description: 'What is left out keeps its value, or its default.',
  fields: t => ({
    autoReconnect: t.boolean({ description: 'Try lost connections again. Default true.', ...notNull() }),
    downloadMedia: t.boolean({ description: 'Fetch media of received messages at once. Default false.', ...notNull() }),
    emitRaw: t.boolean({
      description: "Add WhatsApp's own form of the message to events. Default false.",
      ...notNull(),
    }),
  }),
})

const CreateInput = builder.inputType('CreateInstanceInput', {
  description: 'A new instance.',
  fields: t => ({
    name: t.string({
      required: true,
      description: 'Unique among your instances, up to 100 characters.',
      ...check(line(100)),
    }),
    description: t.string({ description: 'For your own notes, up to 500 characters.', ...check(text(500)) }),
    config: t.field({ type: ConfigInput, description: 'How it behaves.', ...notNull() }),
    sandbox: t.boolean({ description: 'Let it live in the simulated WhatsApp network. Default false.', ...notNull() }),
  }),
})

const UpdateInput = builder.inputType('UpdateInstanceInput', {
  description: 'What is left out stays as it is.',
  fields: t => ({
    name: t.string({ description: 'Unique among your instances, up to 100 characters.', ...notNull(line(100)) }),
    description: t.string({ description: 'Up to 500 characters; null removes it.', ...check(text(500)) }),
    config: t.field({ type: ConfigInput, description: 'How it behaves.', ...notNull() }),
  }),
})

const ConnectInput = builder.inputType('ConnectInstanceInput', {
  description: 'How to link the phone.',
  fields: t => ({
    phoneNumber: t.string({
      description: 'The number of the phone, in international form, to get a pairing code instead of a QR code.',
      ...check(phoneNumber),
    }),
  }),
})

const instanceId = { required: true, description: '`inst_…`' } as const

builder.queryFields(t => ({
  instances: t.field({
    type: InstancePage,
    description: 'Your instances, newest first.',
    args: { limit: t.arg.int(pageArgs.limit), cursor: t.arg.string(pageArgs.cursor) },
    ...rest.get('/instances'),
    resolve: (_, args, ctx) => instances(ctx, args),
  }),
  instance: t.field({
    type: InstanceType,
    description: 'One instance.',
    args: { instanceId: t.arg.id(instanceId) },
    ...rest.get('/instances/{instance_id}'),
    resolve: (_, args, ctx) => instance(ctx, args),
  }),
  instanceStatus: t.field({
    type: StatusObject,
    description: 'How one instance stands with WhatsApp.',
    args: { instanceId: t.arg.id(instanceId) },
    ...rest.get('/instances/{instance_id}/status'),
    resolve: (_, args, ctx) => instanceStatus(ctx, args),
  }),
}))

builder.mutationFields(t => ({
  createInstance: t.field({
    type: InstanceType,
    description: 'Creates an instance; connect it next.',
    args: { input: t.arg({ type: CreateInput, required: true, description: 'The new instance.' }) },
    ...rest.post('/instances', { status: 201, once: true }),
    resolve: (_, args, ctx) => createInstance(ctx, args.input),
  }),
  updateInstance: t.field({
    type: InstanceType,
    description: 'Changes name, description or config.',
    args: {
      instanceId: t.arg.id(instanceId),
      input: t.arg({ type: UpdateInput, required: true, description: 'What is to change.' }),
    },
    ...rest.patch('/instances/{instance_id}', { conflicts: true }),
    resolve: (_, args, ctx) => updateInstance(ctx, args),
  }),
  deleteInstance: t.field({
    type: 'Boolean',
    description: 'Unlinks the phone and deletes the instance with everything that belongs to it. Answers true.',
    args: { instanceId: t.arg.id(instanceId) },
    ...rest.delete('/instances/{instance_id}'),
    resolve: (_, args, ctx) => deleteInstance(ctx, args),
  }),
  connectInstance: t.field({
    type: Connection,
    description:
      'Connects, and waits up to 15 seconds for the QR code when the phone is not linked yet. Called again it gives the newest code. Trying goes on until `disconnectInstance`.',
    args: {
      instanceId: t.arg.id(instanceId),
      input: t.arg({ type: ConnectInput, description: 'How to link the phone; left out: by QR code.' }),
    },
    ...rest.post('/instances/{instance_id}/connect'),
    resolve: (_, args, ctx) => connectInstance(ctx, args),
  }),
  disconnectInstance: t.field({
    type: StatusObject,
    description: 'Closes the connection and keeps the link: a later connect needs no new scan.',
    args: { instanceId: t.arg.id(instanceId) },
    ...rest.post('/instances/{instance_id}/disconnect'),
    resolve: (_, args, ctx) => disconnectInstance(ctx, args),
  }),
}))
