import {
  type GraphQLArgument,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql'
import type { Json } from './app.ts'

/** Calls of every operation there is, made from the GraphQL schema and the OpenAPI document. */

/** Ids of things that belong to a tenant, by the name of the argument that takes them. Each new one needs a line here. */
export interface Belongings {
  instanceId: string
  messageId: string
  mediaId: string
  keyId: string
  webhookId: string
  deliveryId: string
}

/** Of the right form, and nobody's. */
export const MISSING: Belongings = {
  instanceId: 'inst_01m84k41q5bzehev0j4g4kfb1t',
  messageId: 'msg_01m84k41q5bzehev0j4g4kfb1t',
  mediaId: 'med_01m84k41q5bzehev0j4g4kfb1t',
  keyId: 'key_01m84k41q5bzehev0j4g4kfb1t',
  webhookId: 'whk_01m84k41q5bzehev0j4g4kfb1t',
  deliveryId: 'del_01m84k41q5bzehev0j4g4kfb1ta',
}

/** Look like ids and are none of ours: addresses, looked up within an instance. */
const ADDRESSES = new Set(['chatId', 'whatsappId'])

/** Parts of a body: one of another tenant is the same bad field as one that is not there. Each has a test of its own. */
const REFERENCES = new Set(['quotedMessageId'])

/** Valid words, by the name of the argument. */
const WORDS: Record<string, () => string> = {
  name: () => `name ${++names}`,
  description: () => 'words',
  text: () => 'words',
  chatId: () => '5511999998888',
  whatsappId: () => '3EB0AAAAAAAAAAAAAAAA',
  contact: () => '5511999998888',
  from: () => '5511999998888',
  phone: () => '+55 11 99999-8888',
  phoneNumber: () => '+55 11 99999-8888',
  subject: () => 'words',
  participant: () => '5511999998888',
  emoji: () => '👍',
  email: () => `somebody${++names}@example.com`,
  url: () => 'https://hooks.invalid/hook',
  since: () => '2026-01-01T00:00:00.000Z',
  token: () => 'no such token',
}
let names = 0

export const isOwnedId = (name: string): name is keyof Belongings => name in MISSING

function assertKnown(name: string): void {
  if (/Id$|^id$/.test(name) && !isOwnedId(name) && !ADDRESSES.has(name) && !REFERENCES.has(name)) {
    throw new Error(`whose id does the argument ${name} take? Say so in test/support/operations.ts`)
  }
}

function word(name: string): string {
  const make = WORDS[name]
  if (!make) throw new Error(`there is no valid value for the argument ${name}: add one in test/support/operations.ts`)
  return make()
}

const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** A call with an own value in each place that takes an id. */
export interface Operation<Request> {
  name: string
  /** The arguments that take ids of tenants' things. */
  ids: (keyof Belongings)[]
  /** Reads only. */
  isRead: boolean
  request: (ids: Belongings) => Request
}

export interface GraphqlRequest {
  query: string
  variables: Record<string, unknown>
  isStream: boolean
  /** The variable that takes a file: null in `variables`, and sent as multipart/form-data. */
  upload?: string
}

export function graphqlOperations(schema: GraphQLSchema): Operation<GraphqlRequest>[] {
  return [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap(type =>
    Object.values(type?.getFields() ?? {}).map(field => {
      const kind = type!.name.toLowerCase()
      const ids = new Set<keyof Belongings>()
      const given = (own: Belongings) =>
        Object.fromEntries(
          field.args
            .filter(arg => isRequiredArgument(arg) || holdsId(arg))
            .map(arg => [arg.name, argument(arg, own, ids)]),
        )
      const args = field.args.filter(arg => arg.name in given(MISSING))
      const declared = args.map(arg => `$${arg.name}: ${arg.type}`).join(', ')
      const passed = args.map(arg => `${arg.name}: $${arg.name}`).join(', ')
      const selection = isLeafType(getNamedType(field.type)) ? '' : ' { __typename }'
      const query = `${kind}${declared && `(${declared})`} { ${field.name}${passed && `(${passed})`}${selection} }`
      return {
        name: field.name,
        ids: [...ids],
        isRead: kind !== 'mutation',
        request: own => ({
          query,
          variables: given(own),
          isStream: kind === 'subscription',
          upload: args.find(arg => getNamedType(arg.type).name === 'Upload')?.name,
        }),
      }
    }),
  )
}

const holdsId = (arg: GraphQLArgument) => isOwnedId(arg.name)

function argument(arg: GraphQLArgument, own: Belongings, ids: Set<keyof Belongings>): unknown {
  return graphqlValue(arg.name, arg.type, { own, ids })
}

interface Filling {
  own: Belongings
  ids: Set<keyof Belongings>
}

function graphqlValue(name: string, type: GraphQLInputType, filling: Filling): unknown {
  if (isNonNullType(type)) return graphqlValue(name, type.ofType, filling)
  if (isListType(type)) return [graphqlValue(name.replace(/s$/, ''), type.ofType, filling)]
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields())
    const wanted = fields.filter(
      field =>
        isRequiredInputField(field) || isOwnedId(field.name) || field.name === 'text' || field.name === 'content',
    )
    for (const field of fields) assertKnown(field.name)
    return Object.fromEntries(wanted.map(field => [field.name, graphqlValue(field.name, field.type, filling)]))
  }
  assertKnown(name)
  if (isOwnedId(name)) {
    filling.ids.add(name)
    return filling.own[name]
  }
  if (isEnumType(type)) return type.getValues()[0]!.name
  if (type.name === 'Boolean') return true
  if (type.name === 'Int' || type.name === 'Float') return 1
  if (type.name === 'Upload') return null
  if (type.name === 'DateTime') return '2026-01-01T00:00:00.000Z'
  return word(name)
}

export interface RestRequest {
  method: string
  path: string
  body: unknown
}

export function restOperations(document: Json): Operation<RestRequest>[] {
  return Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries<Json>(item).map(([method, operation]) => {
      const ids = new Set<keyof Belongings>()
      const schema = operation.requestBody?.content['application/json']?.schema
      const request = (own: Belongings): RestRequest => {
        const filling = { own, ids }
        const query = new URLSearchParams()
        let filled = path
        for (const parameter of operation.parameters ?? []) {
          const name = camel(parameter.name)
          assertKnown(name)
          // A signature: nobody can make one up.
          if (parameter.in === 'header' || (!parameter.required && !isOwnedId(name))) continue
          const value = String(jsonValue(parameter.name, parameter.schema, { ...filling, document }))
          if (parameter.in === 'path') filled = filled.replace(`{${parameter.name}}`, encodeURIComponent(value))
          else query.set(parameter.name, value)
        }
        return {
          method: method.toUpperCase(),
          path: query.size > 0 ? `${filled}?${query}` : filled,
          body: schema && operation.requestBody.required ? jsonValue('', schema, { ...filling, document }) : undefined,
        }
      }
      if (/\{/.test(request(MISSING).path)) throw new Error(`${path}: a parameter is not described`)
      return { name: operation.operationId, ids: [...ids], isRead: method === 'get', request }
    }),
  )
}

function jsonValue(name: string, schema: Json, filling: Filling & { document: Json }): unknown {
  if (schema.$ref) {
    return jsonValue(name, filling.document.components.schemas[schema.$ref.split('/').at(-1)], filling)
  }
  if (schema.anyOf) return jsonValue(name, schema.anyOf[0], filling)
  if (isOwnedId(camel(name))) {
    filling.ids.add(camel(name) as keyof Belongings)
    return filling.own[camel(name) as keyof Belongings]
  }
  if (schema.enum) return schema.enum[0]
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type
  switch (type) {
    case 'object': {
      const entries = Object.entries<Json>(schema.properties ?? {})
      for (const [each] of entries) assertKnown(camel(each))
      const wanted = entries.filter(
        ([each]) => schema.required?.includes(each) || isOwnedId(camel(each)) || each === 'text',
      )
      return Object.fromEntries(wanted.map(([each, below]) => [each, jsonValue(each, below, filling)]))
    }
    case 'array':
      return [jsonValue(name.replace(/s$/, ''), schema.items, filling)]
    case 'boolean':
      return true
    case 'integer':
    case 'number':
      return schema.minimum ?? 1
    default:
      return word(camel(name))
  }
}

/** What a GraphQL request is sent as. */
export function graphqlBody({ query, variables, upload }: GraphqlRequest): {
  headers: Record<string, string>
  body: string | FormData
} {
  const operations = JSON.stringify({ query, variables })
  if (upload === undefined) return { headers: { 'content-type': 'application/json' }, body: operations }
  const body = new FormData()
  body.set('operations', operations)
  body.set('map', JSON.stringify({ 0: [`variables.${upload}`] }))
  body.set('0', new Blob(['bytes']), 'a.txt')
  return { headers: {}, body }
}
