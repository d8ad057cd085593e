import type { WebhookEventType } from '../events/payloads.ts'
import { describeEvents } from '../resolvers/events/eventCatalogue.ts'
import { createWebhook } from '../resolvers/webhooks/createWebhook.ts'
import { deleteWebhook } from '../resolvers/webhooks/deleteWebhook.ts'
import { rotateWebhookSecret } from '../resolvers/webhooks/rotateWebhookSecret.ts'
import { type MadeWebhook, type StoredWebhook, WEBHOOKS_MAX } from '../resolvers/webhooks/shape.ts'
import { updateWebhook } from '../resolvers/webhooks/updateWebhook.ts'
import { webhook } from '../resolvers/webhooks/webhook.ts'
import { webhooks } from '../resolvers/webhooks/webhooks.ts'
import { builder } from './builder.ts'
import { all, type Check, check, each, line, notNull } from './check.ts'
import { type Page, PageInfo, pageArgs } from './page.ts'
import { routes } from './route.ts'

const rest = routes('Webhooks')

const WebhookEvent = builder.enumType('WebhookEvent', {
  description: 'What a webhook can be told of.',
  values: Object.fromEntries(
    describeEvents()
      .filter(({ event }) => event !== 'webhook.test')
      .map(({ event, description }) => [event.replace('.', '_'), { value: event, description }]),
  ) as { [name: string]: { value: WebhookEventType; description: string } },
})

/** Why one was deactivated. */
const DisabledReason = builder.enumType('WebhookDisabledReason', {
  description: 'Why a webhook was deactivated without being asked for it.',
  values: {
    gone: { description: 'Its receiver answered 410.' },
    failing: { description: 'Its receiver took nothing for days.' },
  },
})

const common = {
  url: { description: 'Where events are sent.' },
  events: { description: 'What it is told of.' },
  active: { description: 'Whether anything is sent. What happens while it is not is not sent later.' },
  hasSecret: { description: 'Whether what is sent is signed. Always true.' },
  createdAt: { description: 'When it was created.' },
  updatedAt: { description: 'When it was last changed.' },
} as const

/** The fields that each of its forms has. */
const fieldsOf = <Shape extends StoredWebhook>(ref: ReturnType<typeof builder.objectRef<Shape>>) =>
  builder.objectFields(ref, t => ({
    id: t.id({ description: '`whk_…`', resolve: hook => hook.id }),
    url: t.string({ ...common.url, resolve: hook => hook.url }),
    events: t.field({ type: [WebhookEvent], ...common.events, resolve: hook => hook.events as WebhookEventType[] }),
    active: t.boolean({ ...common.active, resolve: hook => hook.active }),
    hasSecret: t.boolean({ ...common.hasSecret, resolve: () => true }),
    disabledReason: t.field({
      type: DisabledReason,
      nullable: true,
      description: 'Why it was deactivated without being asked for it; null otherwise.',
      resolve: hook => hook.disabledReason as 'gone' | 'failing' | null,
    }),
    disabledAt: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'When that was.',
      resolve: hook => hook.disabledAt,
    }),
    createdAt: t.field({ type: 'DateTime', ...common.createdAt, resolve: hook => hook.createdAt }),
    updatedAt: t.field({ type: 'DateTime', ...common.updatedAt, resolve: hook => hook.updatedAt }),
  }))

export const WebhookObject = builder.objectRef<StoredWebhook>('Webhook')
WebhookObject.implement({
  description: 'A URL of yours that is told what happens on an instance.',
})
fieldsOf(WebhookObject)

const CreatedWebhook = builder.objectRef<MadeWebhook>('CreatedWebhook')
CreatedWebhook.implement({
  description: 'A webhook, and its secret where that was made here.',
})
fieldsOf(CreatedWebhook)
builder.objectField(CreatedWebhook, 'secret', t =>
  t.exposeString('secret', {
    nullable: true,
    description:
      'The secret that was made for you, to check signatures with: it is not shown again. Null for your own.',
  }),
)

const WebhookPage = builder.objectRef<Page<StoredWebhook>>('WebhookPage').implement({
  description: 'Webhooks of an instance, newest first.',
  fields: t => ({
    data: t.field({ type: [WebhookObject], description: 'The webhooks of this page.', resolve: page => page.data }),
    page: t.field({ type: PageInfo, description: 'Where the list goes on.', resolve: page => page.page }),
  }),
})

/** Whether it may be delivered to is for the operation to say: that takes looking its name up. */
const url: Check = all(line(2048), (value: string) =>
  URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) ? null : 'must be an https URL',
)
const events = each(20, () => null)
const secret = line(256)

const CreateInput = builder.inputType('CreateWebhookInput', {
  description: 'A new webhook.',
  fields: t => ({
    url: t.string({
      required: true,
      description: 'An https URL that is open to the internet: private addresses are refused.',
      ...check(url),
    }),
    events: t.field({ type: [WebhookEvent], required: true, description: 'What to be told of.', ...check(events) }),
    secret: t.string({
      description:
        'What to sign with, up to 256 characters; one that begins with `whsec_` and goes on in base64 is used as the Standard Webhooks rules say. Left out: one is made, and shown in the answer.',
      ...check(secret),
    }),
    active: t.boolean({ description: 'Whether to send anything yet. Default true.', ...notNull() }),
  }),
})

const UpdateInput = builder.inputType('UpdateWebhookInput', {
  description: 'What is left out stays as it is.',
  fields: t => ({
    url: t.string({ description: 'Another https URL.', ...notNull(url) }),
    events: t.field({ type: [WebhookEvent], description: 'What to be told of, instead.', ...notNull(events) }),
    active: t.boolean({ description: 'Whether to send anything.', ...notNull() }),
  }),
})

const RotateInput = builder.inputType('RotateWebhookSecretInput', {
  description: 'The next secret.',
  fields: t => ({
    secret: t.string({ description: 'Your own; left out: one is made, and shown in the answer.', ...check(secret) }),
  }),
})

const instanceId = { required: true, description: '`inst_…`' } as const
export const webhookId = { required: true, description: '`whk_…`' } as const

builder.queryFields(t => ({
  webhooks: t.field({
    type: WebhookPage,
    description: `The webhooks of an instance, newest first: ${WEBHOOKS_MAX} at most.`,
    args: { instanceId: t.arg.id(instanceId), limit: t.arg.int(pageArgs.limit), cursor: t.arg.string(pageArgs.cursor) },
    ...rest.get('/instances/{instance_id}/webhooks'),
    resolve: (_, args, ctx) => webhooks(ctx, args),
  }),
  webhook: t.field({
    type: WebhookObject,
    description: 'One webhook.',
    args: { instanceId: t.arg.id(instanceId), webhookId: t.arg.id(webhookId) },
    ...rest.get('/instances/{instance_id}/webhooks/{webhook_id}'),
    resolve: (_, args, ctx) => webhook(ctx, args),
  }),
}))

builder.mutationFields(t => ({
  createWebhook: t.field({
    type: CreatedWebhook,
    description: `Registers a URL that is told what happens on an instance: ${WEBHOOKS_MAX} at most.`,
    args: {
      instanceId: t.arg.id(instanceId),
      input: t.arg({ type: CreateInput, required: true, description: 'The new webhook.' }),
    },
    ...rest.post('/instances/{instance_id}/webhooks', { status: 201, once: true, conflicts: true }),
    resolve: (_, args, ctx) => createWebhook(ctx, args),
  }),
  updateWebhook: t.field({
    type: WebhookObject,
    description:
      'Changes where, of what, or whether it is told. Deactivated, what waits for it fails, and can be sent again later.',
    args: {
      instanceId: t.arg.id(instanceId),
      webhookId: t.arg.id(webhookId),
      input: t.arg({ type: UpdateInput, required: true, description: 'What is to change.' }),
    },
    ...rest.patch('/instances/{instance_id}/webhooks/{webhook_id}'),
    resolve: (_, args, ctx) => updateWebhook(ctx, args),
  }),
  deleteWebhook: t.field({
    type: 'Boolean',
    description: 'Deletes a webhook with its log; nothing is sent to it any more. Answers true.',
    args: { instanceId: t.arg.id(instanceId), webhookId: t.arg.id(webhookId) },
    ...rest.delete('/instances/{instance_id}/webhooks/{webhook_id}'),
    resolve: (_, args, ctx) => deleteWebhook(ctx, args),
  }),
  rotateWebhookSecret: t.field({
    type: CreatedWebhook,
    description: 'Gives a webhook another secret. The one until now signs beside it for 24 hours.',
    args: {
      instanceId: t.arg.id(instanceId),
      webhookId: t.arg.id(webhookId),
      input: t.arg({ type: RotateInput, description: 'The next secret; left out: one is made.' }),
    },
    ...rest.post('/instances/{instance_id}/webhooks/{webhook_id}/rotate-secret', { once: true }),
    resolve: (_, args, ctx) => rotateWebhookSecret(ctx, args),
  }),
}))
