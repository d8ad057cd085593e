/** As much of OpenAPI 3.1 as the server's own document uses. */

export interface Schema {
  $ref?: string
  type?: string | string[]
  format?: string
  description?: string
  enum?: (string | null)[]
  const?: unknown
  items?: Schema
  properties?: Record<string, Schema>
  required?: string[]
  oneOf?: Schema[]
  anyOf?: Schema[]
  allOf?: Schema[]
  default?: unknown
}

export interface Parameter {
  $ref?: string
  name: string
  in: string
  required?: boolean
  description?: string
  schema: Schema
}

type Content = Record<string, { schema?: Schema }>

export interface Operation {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security?: object[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Content }
  responses: Record<string, { $ref?: string; description?: string; content?: Content }>
}

export interface OpenApi {
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  webhooks?: Record<
    string,
    Record<string, { description?: string; summary?: string; requestBody: { content: Content } }>
  >
  components: { schemas: Record<string, Schema> }
}

export interface Entry extends Operation {
  method: string
  path: string
}

export const entriesOf = (document: OpenApi, tag: string): Entry[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags[0] === tag)
      .map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  )

const nameOf = ($ref: string): string => $ref.split('/').at(-1)!

export function resolve(document: OpenApi, schema: Schema): Schema {
  if (schema.$ref) return resolve(document, document.components.schemas[nameOf(schema.$ref)] ?? {})
  // `oneOf` with null: the thing itself, which may be missing.
  const options = (schema.oneOf ?? schema.anyOf)?.filter(each => each.type !== 'null')
  if (options?.length === 1) return { ...resolve(document, options[0]!), description: schema.description }
  if (schema.allOf?.length === 1) return { ...resolve(document, schema.allOf[0]!), description: schema.description }
  return schema
}

/** `string`, `integer or null`, `Message[]`, `"sent" | "read"`. */
export function typeOf(schema: Schema): string {
  if (schema.$ref) return nameOf(schema.$ref)
  if (schema.enum) return schema.enum.map(value => JSON.stringify(value)).join(' | ')
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  const options = schema.oneOf ?? schema.anyOf ?? schema.allOf
  if (options) return options.map(typeOf).join(' | ')
  if (schema.items) return `${typeOf(schema.items)}[]`
  const types = [schema.type ?? 'any'].flat()
  return types.join(' | ') + (schema.format ? ` (${schema.format})` : '')
}
