import type { ApiKey } from '../db/entities/api-key.ts'
import type { Tenant } from '../db/entities/tenant.ts'
import { apiKeys } from '../resolvers/auth/apiKeys.ts'
import { type CreatedApiKey, createApiKey } from '../resolvers/auth/createApiKey.ts'
import { emailOf } from '../resolvers/auth/email.ts'
import { login } from '../resolvers/auth/login.ts'
import { logout } from '../resolvers/auth/logout.ts'
import { me } from '../resolvers/auth/me.ts'
import { revokeApiKey } from '../resolvers/auth/revokeApiKey.ts'
import { signup } from '../resolvers/auth/signup.ts'
import { verify } from '../resolvers/auth/verify.ts'
import { builder } from './builder.ts'
import { type Check, check, line } from './check.ts'
import { routes } from './route.ts'

const rest = routes('Auth')

const email: Check = (value: string) => (emailOf(value) ? null : 'must be an e-mail address')

export const PlanId = builder.enumType('PlanId', {
  description: 'What a tenant has subscribed to.',
  values: {
    free: { description: 'Without charge.' },
    growth: { description: 'For a growing business.' },
    scale: { description: 'For many messages.' },
  },
})

const TenantStatus = builder.enumType('TenantStatus', {
  description: 'Whether a tenant may use the service.',
  values: {
    active: { description: 'Everything works.' },
    suspended: { description: 'Every call is refused with `account_inactive`.' },
  },
})

const asPlan = (plan: string) => plan as 'free' | 'growth' | 'scale'

const AuthAnswer = builder.objectRef<{ message: string }>('AuthAnswer').implement({
  description: 'That it was done.',
  fields: t => ({ message: t.exposeString('message', { description: 'A sentence for people.' }) }),
})

const TenantObject = builder.objectRef<Tenant>('Tenant').implement({
  description: 'Your account.',
  fields: t => ({
    id: t.exposeID('id', { description: '`ten_…`' }),
    name: t.exposeString('name', { description: 'The name given at sign-up.' }),
    email: t.exposeString('email', { description: 'Where sign-in links go.' }),
    plan: t.field({ type: PlanId, description: 'The plan you are on.', resolve: tenant => asPlan(tenant.plan) }),
    status: t.field({
      type: TenantStatus,
      description: 'Whether you may use the service.',
      resolve: tenant => tenant.status as 'active' | 'suspended',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When the account was made.' }),
  }),
})

const SignedInTenant = builder
  .objectRef<{ id: string; name: string; email: string; plan: string }>('SignedInTenant')
  .implement({
    description: 'The account that was signed in to; `me` gives all of it.',
    fields: t => ({
      id: t.exposeID('id', { description: '`ten_…`' }),
      name: t.exposeString('name', { description: 'The name given at sign-up.' }),
      email: t.exposeString('email', { description: 'Where sign-in links go.' }),
      plan: t.field({ type: PlanId, description: 'The plan it is on.', resolve: tenant => asPlan(tenant.plan) }),
    }),
  })

const Verified = builder.objectRef<Awaited<ReturnType<typeof verify>>>('VerifyResult').implement({
  description: 'The outcome of a sign-in; the session itself is in the cookie `wataki_session`.',
  fields: t => ({
    tenant: t.field({ type: SignedInTenant, description: 'Who is signed in.', resolve: result => result.tenant }),
  }),
})

const CreatedKey = builder.objectRef<CreatedApiKey>('CreatedApiKey').implement({
  description: 'A new API key. Copy it now: it is not shown again.',
  fields: t => ({
    id: t.exposeID('id', { description: '`key_…`' }),
    apiKey: t.exposeString('apiKey', { description: 'The key, 64 hex characters; only its hash is kept.' }),
    keyPrefix: t.exposeString('keyPrefix', { description: 'Its first 8 characters.' }),
    name: t.exposeString('name', { description: 'What you call it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
  }),
})

const ApiKeyObject = builder.objectRef<ApiKey>('ApiKey').implement({
  description: 'An API key that works.',
  fields: t => ({
    id: t.exposeID('id', { description: '`key_…`' }),
    keyPrefix: t.exposeString('prefix', { description: 'Its first 8 characters.' }),
    name: t.exposeString('name', { description: 'What you call it.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was made.' }),
    lastUsedAt: t.expose('lastUsedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was last used, to the minute; null before its first use.',
    }),
  }),
})

const ApiKeyList = builder.objectRef<{ data: ApiKey[] }>('ApiKeyList').implement({
  description: 'API keys, newest first.',
  fields: t => ({
    data: t.field({ type: [ApiKeyObject], description: 'All that are not revoked.', resolve: list => list.data }),
  }),
})

const SignupInput = builder.inputType('SignupInput', {
  description: 'A new account.',
  fields: t => ({
    name: t.string({
      required: true,
      description: 'Of the company or person, up to 100 characters.',
      ...check(line(100)),
    }),
    email: t.string({ required: true, description: 'Where the sign-in link goes.', ...check(email) }),
  }),
})

const LoginInput = builder.inputType('LoginInput', {
  description: 'Who wants to sign in.',
  fields: t => ({
    email: t.string({ required: true, description: 'The address of the account.', ...check(email) }),
  }),
})

const VerifyInput = builder.inputType('VerifyInput', {
  description: 'What a sign-in link carries.',
  fields: t => ({
    token: t.string({ required: true, description: 'The token of the link.', ...check(line(200)) }),
  }),
})

const CreateKeyInput = builder.inputType('CreateApiKeyInput', {
  description: 'A new API key.',
  fields: t => ({
    name: t.string({ required: true, description: 'What to call it, up to 100 characters.', ...check(line(100)) }),
  }),
})

builder.queryFields(t => ({
  me: t.field({
    type: TenantObject,
    description: 'The account that calls.',
    ...rest.get('/auth/me'),
    resolve: (_, _args, ctx) => me(ctx),
  }),
  apiKeys: t.field({
    type: ApiKeyList,
    description: 'Your API keys, newest first.',
    ...rest.get('/auth/api-keys'),
    resolve: (_, _args, ctx) => apiKeys(ctx),
  }),
}))

builder.mutationFields(t => ({
  signup: t.field({
    type: AuthAnswer,
    description: 'Mails a link that makes the account and signs in. The answer is the same for a known address.',
    args: { input: t.arg({ type: SignupInput, required: true, description: 'The new account.' }) },
    ...rest.post('/auth/signup', { open: true }),
    resolve: (_, args, ctx) => signup(ctx, args.input),
  }),
  login: t.field({
    type: AuthAnswer,
    description: 'Mails a sign-in link, if there is such an account. The answer is the same either way.',
    args: { input: t.arg({ type: LoginInput, required: true, description: 'Who wants to sign in.' }) },
    ...rest.post('/auth/login', { open: true }),
    resolve: (_, args, ctx) => login(ctx, args.input),
  }),
  verify: t.field({
    type: Verified,
    description: 'Uses a sign-in link, which works once and for 15 minutes, and sets the session cookie.',
    args: { input: t.arg({ type: VerifyInput, required: true, description: 'What the link carries.' }) },
    ...rest.post('/auth/verify', { open: true }),
    resolve: (_, args, ctx) => verify(ctx, args.input),
  }),
  logout: t.field({
    type: AuthAnswer,
    description: 'Ends the session and clears its cookie.',
    ...rest.post('/auth/logout'),
    resolve: (_, _args, ctx) => logout(ctx),
  }),
  createApiKey: t.field({
    type: CreatedKey,
    description: 'Makes an API key. The key itself is in this answer only.',
    args: { input: t.arg({ type: CreateKeyInput, required: true, description: 'The new key.' }) },
    ...rest.post('/auth/api-keys', { status: 201, once: true }),
    resolve: (_, args, ctx) => createApiKey(ctx, args.input),
  }),
  revokeApiKey: t.field({
    type: 'Boolean',
    description: 'Revokes an API key: it stops working immediately. Answers true.',
    args: { keyId: t.arg.id({ required: true, description: '`key_…`' }) },
    ...rest.delete('/auth/api-keys/{key_id}'),
    resolve: (_, args, ctx) => revokeApiKey(ctx, args),
  }),
}))
