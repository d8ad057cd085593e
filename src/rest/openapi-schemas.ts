import {
  type GraphQLArgument,
  type GraphQLEnumType,
  type GraphQLInputField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredInputField,
  isUnionType,
} from 'graphql'
import { enumWord, snake } from './casing.ts'
import { isUpload } from './input.ts'
import type { Route } from './routes.ts'

/** GraphQL types → JSON Schema as OpenAPI 3.1 has it, under the names of REST. */

export type JsonSchema = Record<string, unknown>

const SCALARS: Record<string, JsonSchema> = {
  Int: { type: 'integer', format: 'int32' },
  Float: { type: 'number' },
  Boolean: { type: 'boolean' },
  String: { type: 'string' },
  ID: { type: 'string' },
  DateTime: { type: 'string', format: 'date-time' },
  JSON: {},
}

export function outputSchema(type: GraphQLOutputType): JsonSchema {
  if (!isNonNullType(type)) return nullable(presentOutput(type))
  return presentOutput(type.ofType)
}

function presentOutput(type: GraphQLOutputType): JsonSchema {
  if (isListType(type)) return { type: 'array', items: outputSchema(type.ofType) }
  return named(getNamedType(type))
}

/** Of a parameter or a whole body: it is there or not, never null. */
export function argumentSchema(arg: GraphQLArgument): JsonSchema {
  return withFacts(presentInput(isNonNullType(arg.type) ? arg.type.ofType : arg.type), arg)
}

function inputSchema(field: GraphQLInputField): JsonSchema {
  const schema = isNonNullType(field.type) ? presentInput(field.type.ofType) : presentInput(field.type)
  const mayBeNull = !isNonNullType(field.type) && field.extensions.notNull !== true
  const whole = withFacts(mayBeNull ? nullable(schema) : schema, field)
  return field.description ? { ...whole, description: field.description } : whole
}

function presentInput(type: GraphQLInputType): JsonSchema {
  if (!isListType(type)) return named(getNamedType(type))
  const items = isNonNullType(type.ofType) ? presentInput(type.ofType.ofType) : nullable(presentInput(type.ofType))
  return { type: 'array', items }
}

/** Defaults, and the limits that a rule of `check.ts` tells of itself as `limits` (JSON Schema keywords). */
function withFacts(schema: JsonSchema, holder: GraphQLArgument | GraphQLInputField): JsonSchema {
  const rule = holder.extensions.check as { limits?: JsonSchema } | undefined
  const { defaultValue } = holder
  return { ...schema, ...rule?.limits, ...(defaultValue === undefined ? {} : { default: defaultValue }) }
}

function named(type: GraphQLNamedType): JsonSchema {
  return SCALARS[type.name] ? { ...SCALARS[type.name] } : { $ref: `#/components/schemas/${type.name}` }
}

function nullable(schema: JsonSchema): JsonSchema {
  if (typeof schema.type === 'string') return { ...schema, type: [schema.type, 'null'] }
  return { anyOf: [schema, { type: 'null' }] }
}

/** Every named type that the routes can be sent or answer. */
export function schemasOf(schema: GraphQLSchema, routes: Route[]): Record<string, JsonSchema> {
  const members = new Set<GraphQLNamedType>()
  for (const type of Object.values(schema.getTypeMap())) {
    if (isUnionType(type)) for (const member of type.getTypes()) members.add(member)
  }
  const schemas: Record<string, JsonSchema> = {}
  const add = (type: GraphQLNamedType): void => {
    if (SCALARS[type.name] || schemas[type.name]) return
    // Known before what it holds: a type may hold itself.
    schemas[type.name] = {}
    schemas[type.name] = schemaOf(type, { add, closed: members.has(type) })
  }
  for (const { field, status } of routes) {
    if (status !== 204) add(getNamedType(field.type))
    for (const arg of field.args) if (!isUpload(arg)) add(getNamedType(arg.type))
  }
  return schemas
}

interface Visit {
  add: (type: GraphQLNamedType) => void
  /** A member of a union is told from the others by its fields. */
  closed: boolean
}

function schemaOf(type: GraphQLNamedType, visit: Visit): JsonSchema {
  if (isEnumType(type)) return enumSchema(type)
  if (isInputObjectType(type)) return inputObjectSchema(type, visit)
  if (isObjectType(type)) return objectSchema(type, visit)
  if (isUnionType(type)) {
    for (const member of type.getTypes()) visit.add(member)
    return { description: type.description, oneOf: type.getTypes().map(named) }
  }
  return { description: type.description, ...(type.extensions.jsonSchema as JsonSchema | undefined) }
}

function enumSchema(type: GraphQLEnumType): JsonSchema {
  const values = type.getValues()
  const list = values.map(value => `- \`${enumWord(value)}\`: ${value.description}`).join('\n')
  return { type: 'string', description: `${type.description}\n\n${list}`, enum: values.map(enumWord) }
}

function inputObjectSchema(type: GraphQLInputObjectType, visit: Visit): JsonSchema {
  const fields = Object.values(type.getFields())
  for (const field of fields) visit.add(getNamedType(field.type))
  const required = fields.filter(isRequiredInputField).map(field => snake(field.name))
  return {
    type: 'object',
    description: type.description,
    ...(required.length > 0 ? { required } : {}),
    properties: Object.fromEntries(fields.map(field => [snake(field.name), inputSchema(field)])),
    additionalProperties: false,
  }
}

function objectSchema(type: GraphQLObjectType, visit: Visit): JsonSchema {
  const fields = Object.values(type.getFields()).filter(field => field.extensions.rest !== false)
  for (const field of fields) visit.add(getNamedType(field.type))
  return {
    type: 'object',
    description: type.description,
    required: fields.map(field => snake(field.name)),
    properties: Object.fromEntries(
      fields.map(field => [snake(field.name), { ...outputSchema(field.type), description: field.description }]),
    ),
    ...(visit.closed ? { additionalProperties: false } : {}),
  }
}
