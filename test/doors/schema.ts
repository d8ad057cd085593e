import SchemaBuilder from '@pothos/core'
import { GraphQLError } from 'graphql'
import type { Context } from '../../src/context.ts'
import { ApiError, duplicate, invalid, notFound, unavailable } from '../../src/errors.ts'
import { between, check, line, notNull } from '../../src/schema/check.ts'
import { graphqlOnly, routes } from '../../src/schema/route.ts'

/** A small product, with a case of each thing that the doors must carry. */

export interface Thing {
  id: string
  name: string
  note: string | null
  autoReconnect: boolean
  content: { kind: 'text'; body: string } | { kind: 'media'; body: string | null; mediaUrl: string }
  createdAt: Date
}

/** What operations were called with, for tests to look at. */
export const calls: { name: string; args: unknown; caller: string | null }[] = []
export const open = { streams: 0 }

const record = (name: string, args: unknown, ctx: Context) =>
  calls.push({ name, args, caller: ctx.caller?.tenantId ?? null })

export const thing = (fields: Partial<Thing> = {}): Thing => ({
  id: 'thing_1',
  name: 'one',
  note: null,
  autoReconnect: true,
  content: { kind: 'text', body: 'hello' },
  createdAt: new Date('2025-01-01T00:00:00.000Z'),
  ...fields,
})

const builder = new SchemaBuilder<{
  Context: Context
  DefaultFieldNullability: false
  Scalars: { ID: { Input: string; Output: string }; DateTime: { Input: Date; Output: Date } }
}>({ defaultFieldNullability: false })

builder.queryType({})
builder.mutationType({})
builder.subscriptionType({})
builder.scalarType('DateTime', {
  serialize: value => value.toISOString(),
  parseValue: value => {
    if (typeof value !== 'string' || Number.isNaN(Date.parse(value))) throw new GraphQLError('must be an ISO 8601 time')
    return new Date(value)
  },
})

const rest = routes('Things')

const Kind = builder.enumType('ThingKind', { values: { plain_text: {}, some_media: {} } as const })

const Text = builder.objectRef<Extract<Thing['content'], { kind: 'text' }>>('TextContent').implement({
  fields: t => ({ body: t.exposeString('body') }),
})
// `body` is nullable here and not there: SOFA would alias it.
const Media = builder.objectRef<Extract<Thing['content'], { kind: 'media' }>>('MediaContent').implement({
  fields: t => ({ body: t.exposeString('body', { nullable: true }), mediaUrl: t.exposeString('mediaUrl') }),
})
const Content = builder.unionType('Content', {
  types: [Text, Media],
  resolveType: content => (content.kind === 'text' ? Text : Media),
})

const Config = builder.objectRef<Thing>('ThingConfig').implement({
  fields: t => ({ autoReconnect: t.exposeBoolean('autoReconnect') }),
})

const ThingType = builder.objectRef<Thing>('Thing').implement({
  description: 'A thing.',
  fields: t => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    note: t.exposeString('note', { nullable: true, description: 'Not `createdAt`; see `createThing`.' }),
    config: t.field({ type: Config, resolve: self => self }),
    content: t.field({ type: Content, resolve: self => self.content }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    owner: t.string({
      args: { firstName: t.arg.string({ required: true }) },
      ...graphqlOnly,
      resolve: (_, args) => args.firstName,
    }),
  }),
})

const Page = builder.objectRef<{ data: Thing[]; nextCursor: string | null }>('ThingPage').implement({
  fields: t => ({
    data: t.field({ type: [ThingType], resolve: page => page.data }),
    nextCursor: t.exposeString('nextCursor', { nullable: true }),
  }),
})

const ContactInput = builder.inputType('ContactInput', {
  fields: t => ({ phone: t.string({ required: true, ...check(line(20)) }), nickname: t.string() }),
})
const ConfigInput = builder.inputType('ThingConfigInput', {
  fields: t => ({ autoReconnect: t.boolean(notNull()), maxRetries: t.int() }),
})
const ContentInput = builder.inputType('ContentInput', {
  fields: t => ({ text: t.string(), contacts: t.field({ type: [ContactInput] }) }),
})
const CreateInput = builder.inputType('CreateThingInput', {
  description: 'A new thing.',
  fields: t => ({
    name: t.string({ required: true, description: 'Its name.', ...check(line(10)) }),
    note: t.string(),
    kind: t.field({ type: Kind }),
    config: t.field({ type: ConfigInput, ...notNull() }),
    content: t.field({ type: ContentInput }),
    count: t.int(),
    ratio: t.float(),
    at: t.field({ type: 'DateTime' }),
  }),
  extensions: {
    check: (input: { kind?: string; content: { text?: string | null } }) =>
      input.kind === 'plain_text' && !input.content.text ? { 'content.text': 'is required' } : null,
  },
})
const UpdateInput = builder.inputType('UpdateThingInput', {
  fields: t => ({ name: t.string(notNull(line(10))), note: t.string() }),
})
const Said = builder.enumType('Said', {
  values: { thing_said: { value: 'thing.said' }, nothing: { value: 'nothing' } } as const,
})
const EchoInput = builder.inputType('EchoInput', { fields: t => ({ said: t.field({ type: [Said], required: true }) }) })
const EchoType = builder.objectRef<{ said: ('thing.said' | 'nothing')[] }>('Echo').implement({
  fields: t => ({ said: t.expose('said', { type: [Said] }) }),
})
const NudgeInput = builder.inputType('NudgeInput', { fields: t => ({ phoneNumber: t.string() }) })

const thingId = { required: true, description: '`thing_…`' } as const
const limits = { minimum: 1, maximum: 200 }

builder.queryFields(t => ({
  things: t.field({
    type: Page,
    description: 'Your things.',
    args: {
      limit: t.arg.int({ defaultValue: 50, ...check(Object.assign(between(1, 200), { limits })) }),
      cursor: t.arg.string(),
      thingKind: t.arg({ type: Kind }),
      createdAfter: t.arg({ type: 'DateTime', ...check((at: Date) => (at.getTime() < 0 ? 'is too long ago' : null)) }),
      archived: t.arg.boolean(),
    },
    ...rest.get('/things'),
    resolve: (_, args, ctx) => {
      record('things', args, ctx)
      return { data: Array.from({ length: args.limit ?? 0 }, () => thing()), nextCursor: null }
    },
  }),
  thing: t.field({
    type: ThingType,
    args: { thingId: t.arg.id(thingId) },
    ...rest.get('/things/{thing_id}'),
    resolve: (_, args, ctx) => {
      record('thing', args, ctx)
      if (args.thingId === 'missing') throw notFound('thing')
      if (args.thingId === 'media') return thing({ content: { kind: 'media', body: null, mediaUrl: 'u' } })
      return thing({ id: args.thingId })
    },
  }),
  graphqlOnly: t.string({ resolve: (_, _args, ctx) => ctx.caller?.tenantId ?? 'nobody' }),
  oneEm: t.boolean({ ...rest.get('/one-em'), resolve: (_, _args, ctx) => new Set([ctx.em, ctx.em]).size === 1 }),
  greeting: t.string({ ...rest.get('/greeting', { open: true }), resolve: () => 'hello' }),
  crash: t.string({
    ...rest.get('/crash'),
    resolve: () => {
      throw new Error('the password is hunter2')
    },
  }),
  hole: t.field({ type: ThingType, ...rest.get('/hole'), resolve: () => null as never }),
  away: t.string({
    ...rest.get('/away'),
    resolve: () => {
      throw unavailable('the database is away')
    },
  }),
  slow: t.string({
    ...rest.get('/slow'),
    resolve: async () => {
      await new Promise(resolve => setTimeout(resolve, 600))
      return 'done'
    },
  }),
}))

builder.mutationFields(t => ({
  createThing: t.field({
    type: ThingType,
    args: { input: t.arg({ type: CreateInput, required: true, description: 'It.' }) },
    ...rest.post('/things', { status: 201 }),
    resolve: (_, { input }, ctx) => {
      record('createThing', input, ctx)
      if (input.name === 'taken') throw duplicate('thing')
      if (input.name === 'refused') throw invalid({ maxRetries: 'is too many', 'config.autoReconnect': 'is off' })
      if (input.name === 'full')
        throw new ApiError('quota_exceeded', 'used up', { details: { used: 1, resetsAt: 'soon' } })
      return thing({ name: input.name, note: input.note ?? null })
    },
  }),
  updateThing: t.field({
    type: ThingType,
    args: { thingId: t.arg.id(thingId), input: t.arg({ type: UpdateInput, required: true }) },
    ...rest.patch('/things/{thing_id}'),
    resolve: (_, args, ctx) => {
      record('updateThing', args, ctx)
      return thing()
    },
  }),
  deleteThing: t.field({
    type: 'Boolean',
    args: { thingId: t.arg.id(thingId) },
    ...rest.delete('/things/{thing_id}'),
    resolve: (_, args, ctx) => record('deleteThing', args, ctx) > 0,
  }),
  echo: t.field({
    type: EchoType,
    args: { input: t.arg({ type: EchoInput, required: true }) },
    ...rest.post('/echo'),
    resolve: (_, { input }, ctx) => {
      record('echo', input, ctx)
      return input
    },
  }),
  nudgeThing: t.field({
    type: ThingType,
    args: { thingId: t.arg.id(thingId), input: t.arg({ type: NudgeInput }) },
    ...rest.post('/things/{thing_id}/nudge'),
    resolve: (_, args, ctx) => {
      record('nudgeThing', args, ctx)
      return thing()
    },
  }),
  touchThing: t.field({
    type: ThingType,
    args: { thingId: t.arg.id(thingId) },
    ...rest.post('/things/{thing_id}/touch', { status: 202 }),
    resolve: () => thing(),
  }),
}))

builder.subscriptionFields(t => ({
  ticks: t.int({
    args: { upTo: t.arg.int({ required: true, ...check(between(0, 1000)) }) },
    subscribe: (_, args) => ticks(args.upTo),
    resolve: tick => tick as number,
  }),
  flood: t.string({ subscribe: () => flood(), resolve: text => text as string }),
}))

/** 32 KiB each millisecond or so, whether they are read or not; up to 32 MiB. */
async function* flood(): AsyncGenerator<string> {
  open.streams++
  try {
    for (let i = 0; i < 1000; i++) {
      await new Promise(resolve => setTimeout(resolve, 1))
      yield 'x'.repeat(32_768)
    }
  } finally {
    open.streams--
  }
}

/** Counts, then stays open. */
function ticks(upTo: number): AsyncIterator<number> & AsyncIterable<number> {
  let at = 0
  let end: (result: IteratorResult<number>) => void = () => {}
  open.streams++
  return {
    next: () => (at < upTo ? Promise.resolve({ value: ++at, done: false }) : new Promise(resolve => (end = resolve))),
    return: async () => {
      open.streams--
      end({ value: undefined, done: true })
      return { value: undefined, done: true }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

export const schema = builder.toSchema({ sortSchema: false })
