import fc from 'fast-check'
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isUnionType,
} from 'graphql'
import type { Json } from './app.ts'
import { HOSTILE, NUMBERS } from './hostile.ts'

/** Requests made from the OpenAPI document and the GraphQL schema: valid first, then bent. */

export interface FuzzRequest {
  /** The operation that it began as. */
  operation: string
  method: string
  /** Percent-encoded. */
  path: string
  contentType: string | null
  body: string | null
}

/** Ids to fill in, by name of the argument, for an operation. */
export type Pool = (operation: string, argument: string) => string[]

const WORDS: Record<string, string[]> = {
  chatId: ['5511999998888', '+55 11 99999-8888', '5511999998888@s.whatsapp.net', '123456789012345@lid'],
  contact: ['5511999998888', '5511900000001'],
  from: ['5511999998888', '5511900000002'],
  phoneNumber: ['+55 11 98888-7777'],
  email: ['fuzz@example.com', 'Other.Fuzz@example.com'],
  cursor: [Buffer.from('inst_01m84k41q5bzehev0j4g4kfb1t').toString('base64url'), ''],
}

const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
const hostile = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary', maxLength: 40 }))
const junk: fc.Arbitrary<unknown> = fc.oneof(
  hostile,
  fc.constantFrom<unknown>(...NUMBERS, null, true, false, [], {}, [[[[]]]], JSON.parse('{"__proto__":{"a":1}}')),
  fc.jsonValue({ maxDepth: 3 }),
)

/** A valid word of a kind, by the name of what it is for. */
function word(operation: string, name: string, pool: Pool): fc.Arbitrary<string> {
  const ids = pool(operation, name)
  if (ids.length > 0) return fc.constantFrom(...ids)
  const words = WORDS[name]
  return words ? fc.constantFrom(...words) : fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
}

function jsonArbitrary(
  schema: Json,
  at: { name: string; operation: string; document: Json; pool: Pool },
): fc.Arbitrary<unknown> {
  if (schema.$ref) return jsonArbitrary(at.document.components.schemas[schema.$ref.split('/').at(-1)], at)
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map((each: Json) => jsonArbitrary(each, at)))
  if (schema.enum) return fc.constantFrom(...schema.enum)
  if (Array.isArray(schema.type)) {
    return fc.oneof(...schema.type.map((type: string) => jsonArbitrary({ ...schema, type }, at)))
  }
  switch (schema.type) {
    case 'object': {
      const fields = Object.entries<Json>(schema.properties ?? {}).map(([name, below]) => {
        const value = jsonArbitrary(below, { ...at, name: camel(name) })
        return [name, schema.required?.includes(name) ? value : fc.option(value, { nil: undefined })] as const
      })
      return fc.record(Object.fromEntries(fields))
    }
    case 'array':
      return fc.array(jsonArbitrary(schema.items, at), { maxLength: 3 })
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -(2 ** 31), max: schema.maximum ?? 2 ** 31 - 1 })
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    default:
      return word(at.operation, at.name, at.pool)
  }
}

/** Goes down into the value as `picks` say, and spoils what it finds there. */
export function bent(value: unknown, picks: number[], spoiled: unknown): unknown {
  const [pick = 0, ...rest] = picks
  if (typeof value !== 'object' || value === null || rest.length === 0) return spoiled
  const copy: Json = Array.isArray(value) ? [...value] : { ...value }
  const keys = Object.keys(copy)
  const key = keys.length > 0 ? keys[pick % keys.length]! : 'none'
  if (pick % 5 === 0) copy[`unknown_${pick}`] = spoiled
  else if (pick % 5 === 1) delete copy[key]
  else copy[key] = bent(copy[key], rest, spoiled)
  return copy
}

const picks = fc.array(fc.nat(97), { minLength: 1, maxLength: 4 })

/** Spoils the text itself: cut, doubled keys, numbers beyond any, bytes that do not belong. */
const bentText = (text: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc.nat(Math.max(0, text.length - 1)).map(at => text.slice(0, at)),
    fc.tuple(fc.nat(text.length), hostile).map(([at, insert]) => text.slice(0, at) + insert + text.slice(at)),
    fc.constant(text.replace(/^\{(.+)\}$/s, '{$1,$1}')),
    fc.constant(text.replace(/:("[^"]*"|\d+)/, ':1e400')),
    fc.constant(`${'['.repeat(2000)}${text}${']'.repeat(2000)}`),
  )

const body = (value: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: value.map(valid => JSON.stringify(valid)) },
    {
      weight: 4,
      arbitrary: fc.tuple(value, picks, junk).map(([valid, way, bad]) => JSON.stringify(bent(valid, way, bad)) ?? ''),
    },
    { weight: 1, arbitrary: value.chain(valid => bentText(JSON.stringify(valid))) },
    { weight: 1, arbitrary: junk.map(bad => JSON.stringify(bad)) },
  )

const encode = (text: string) => encodeURIComponent(text.toWellFormed())
const mostly = <T>(valid: fc.Arbitrary<T>, bad: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 11, arbitrary: valid }, { weight: 1, arbitrary: bad })

const rarely = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 11, arbitrary: fc.constant(null) }, { weight: 1, arbitrary })

const CONTENT_TYPES = mostly<string | null>(
  fc.constantFrom('application/json', 'application/json; charset=utf-8'),
  fc.constantFrom(null, 'text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=utf-16', ''),
)

export function restRequests(document: Json, pool: Pool): fc.Arbitrary<FuzzRequest> {
  const each = Object.entries<Json>(document.paths).flatMap(([path, item]) =>
    Object.entries<Json>(item).map(([method, operation]) => restRequest({ path, method, operation, document, pool })),
  )
  return fc.oneof(...each)
}

interface RestOperation {
  path: string
  method: string
  operation: Json
  document: Json
  pool: Pool
}

function restRequest({ path, method, operation, document, pool }: RestOperation): fc.Arbitrary<FuzzRequest> {
  const name = operation.operationId as string
  const parameters: Json[] = operation.parameters ?? []
  const schema = operation.requestBody?.content['application/json']?.schema
  const at = { name: '', operation: name, document, pool }
  const values = fc.record(
    Object.fromEntries(
      parameters.map(parameter => {
        const valid = jsonArbitrary(parameter.schema, { ...at, name: camel(parameter.name) }).map(String)
        const value = mostly(valid, hostile)
        return [parameter.name, parameter.required ? value : fc.option(value, { nil: undefined, freq: 2 })]
      }),
    ),
  )
  const wholeMethod = fc.oneof(
    { weight: 30, arbitrary: fc.constant(method.toUpperCase()) },
    { weight: 1, arbitrary: fc.constantFrom('PUT', 'HEAD', 'OPTIONS', 'DELETE', 'PATCH', 'GET', 'TRACE') },
  )
  const given = schema ? body(jsonArbitrary(schema, at)) : rarely(junk.map(bad => JSON.stringify(bad)))
  const extra = rarely(fc.tuple(hostile, hostile))
  return fc.tuple(values, wholeMethod, given, CONTENT_TYPES, extra).map(([filled, asked, text, contentType, more]) => {
    const query = new URLSearchParams()
    let target = path
    for (const parameter of parameters) {
      const value = (filled as Record<string, string | undefined>)[parameter.name]
      if (value === undefined) continue
      if (parameter.in === 'path') target = target.replace(`{${parameter.name}}`, () => encode(value))
      else query.append(parameter.name, value)
    }
    if (more) query.append(more[0], more[1])
    const hasBody = asked !== 'GET' && asked !== 'HEAD' && text !== null
    return {
      operation: name,
      method: asked,
      path: query.size > 0 ? `${target}?${query}` : target,
      contentType: hasBody ? contentType : null,
      body: hasBody ? text : null,
    }
  })
}

export function graphqlRequests(schema: GraphQLSchema, pool: Pool): fc.Arbitrary<FuzzRequest> {
  const roots = [schema.getQueryType(), schema.getMutationType()].flatMap(type =>
    Object.values(type?.getFields() ?? {}).map(field => graphqlRequest(type!.name.toLowerCase(), field, pool)),
  )
  return fc.oneof(...roots)
}

function graphqlRequest(kind: string, field: GraphQLField<unknown, unknown>, pool: Pool): fc.Arbitrary<FuzzRequest> {
  const variables = fc.record(
    Object.fromEntries(
      field.args.map(arg => {
        const value = inputArbitrary(arg.name, arg.type, { operation: field.name, pool })
        return [arg.name, isRequiredArgument(arg) ? value : fc.option(value, { nil: undefined })]
      }),
    ),
  )
  const used = (arg: GraphQLArgument, given: object) => arg.name in given && (given as Json)[arg.name] !== undefined
  return fc.tuple(variables, selection(field.type, 3), picks).chain(([given, selected, way]) => {
    const args = field.args.filter(arg => used(arg, given))
    const declared = args.map(arg => `$${arg.name}: ${arg.type}`).join(', ')
    const passed = args.map(arg => `${arg.name}: $${arg.name}`).join(', ')
    const query = `${kind}${declared && `(${declared})`} { ${field.name}${passed && `(${passed})`}${selected} }`
    const request = (sent: unknown): FuzzRequest => ({
      operation: field.name,
      method: 'POST',
      path: '/graphql',
      contentType: 'application/json',
      body: typeof sent === 'string' ? sent : JSON.stringify(sent),
    })
    return fc.oneof(
      { weight: 5, arbitrary: fc.constant(request({ query, variables: given })) },
      { weight: 4, arbitrary: junk.map(bad => request({ query, variables: bent(given, way, bad) })) },
      { weight: 3, arbitrary: bentText(query).map(bad => request({ query: bad, variables: given })) },
      {
        weight: 1,
        arbitrary: junk.map(bad => request(bent({ query, variables: given, operationName: null }, way, bad) ?? null)),
      },
      { weight: 1, arbitrary: bentText(JSON.stringify({ query, variables: given })).map(request) },
    )
  })
}

function inputArbitrary(
  name: string,
  type: GraphQLInputType,
  at: { operation: string; pool: Pool },
): fc.Arbitrary<unknown> {
  if (isNonNullType(type)) return inputArbitrary(name, type.ofType, at)
  if (isListType(type)) return fc.array(inputArbitrary(name, type.ofType, at), { maxLength: 3 })
  if (isEnumType(type)) return fc.constantFrom(...type.getValues().map(value => value.name))
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields()).map(field => {
      const value = inputArbitrary(field.name, field.type, at)
      return [field.name, isNonNullType(field.type) ? value : fc.option(value, { nil: undefined })] as const
    })
    return fc.record(Object.fromEntries(fields))
  }
  if (type.name === 'Boolean') return fc.boolean()
  if (type.name === 'Int') return fc.oneof(fc.integer({ min: 1, max: 200 }), fc.integer())
  if (type.name === 'Float') return fc.double({ noNaN: true, noDefaultInfinity: true })
  if (type.name === 'DateTime') return fc.date({ noInvalidDate: true }).map(date => date.toISOString())
  return word(at.operation, name, at.pool)
}

/** Some of the fields of a type, down to a depth. */
function selection(type: GraphQLOutputType, depth: number): fc.Arbitrary<string> {
  const named = getNamedType(type)
  if (isUnionType(named)) {
    return fc.tuple(...named.getTypes().map(each => selection(each, depth))).map(parts => {
      return ` { __typename ${named
        .getTypes()
        .map((each, i) => `... on ${each.name}${parts[i]}`)
        .join(' ')} }`
    })
  }
  if (!isObjectType(named)) return fc.constant('')
  const fields = Object.values(named.getFields()).filter(field => depth > 0 && !field.args.some(isRequiredArgument))
  const chosen = fc.tuple(...fields.map(field => fc.option(selection(field.type, depth - 1), { nil: null, freq: 3 })))
  return chosen.map(parts => {
    const words = fields.flatMap((field, i) => (parts[i] === null ? [] : [`${field.name}${parts[i]}`]))
    return ` { __typename ${words.join(' ')} }`
  })
}
