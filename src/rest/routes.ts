import {
  type DocumentNode,
  type GraphQLField,
  type GraphQLSchema,
  isEnumType,
  isObjectType,
  type ObjectTypeDefinitionNode,
  type OperationDefinitionNode,
  parse,
  printType,
} from 'graphql'
import { compileQuery, isCompiledQuery } from 'graphql-jit'
import { useSofa } from 'sofa-api'
import type { Context } from '../context.ts'
import type { RestRoute } from '../schema/route.ts'
import { camel, enumWord } from './casing.ts'
import { restDocument } from './document.ts'
import { compileInput, type Read, type Sent } from './input.ts'

/**
 * SOFA makes the routes and their documents; of these only the fields marked for REST are kept. Its handlers read requests and
 * make responses that nobody here has: each is asked once, for its document, and that is compiled.
 */

export interface Route extends RestRoute {
  /** The name of the operation. */
  name: string
  field: GraphQLField<unknown, unknown>
  read: (sent: Sent) => Read
  /** The body of a success. Rejects with what a resolver threw. */
  run: (call: Call) => Promise<string | undefined>
}

export interface Call {
  ctx: Context
  variables: Record<string, unknown>
}

export interface SofaRoutes {
  routes: Route[]
  /** SOFA's OpenAPI document: of all root fields, under GraphQL's names. */
  document: Record<string, unknown>
}

/** What is used of fets' router, which SOFA's is. Internal to it: both are pinned, and a test counts the routes. */
interface SofaRouter {
  __routes: { method: string; path: string; handler: SofaHandler }[]
  openAPIDocument: Record<string, unknown>
}

type SofaHandler = (request: { body: null; url: string; params: object }, server: object) => Promise<unknown>

interface Marked {
  name: string
  typeName: string
  field: GraphQLField<unknown, unknown>
  rest: RestRoute
}

const made = new WeakMap<GraphQLSchema, Promise<SofaRoutes>>()

/** They depend on nothing else: the servers of one process have the same. */
export function sofaRoutes(schema: GraphQLSchema): Promise<SofaRoutes> {
  const known = made.get(schema) ?? makeRoutes(schema)
  made.set(schema, known)
  return known
}

async function makeRoutes(schema: GraphQLSchema): Promise<SofaRoutes> {
  const marked = markedFields(schema)
  const router = withRootNodes(
    schema,
    () =>
      useSofa({
        basePath: '/v1',
        schema,
        routes: Object.fromEntries(
          marked.map(({ name, typeName, rest }) => [
            `${typeName}.${name}`,
            { method: rest.method, path: sofaPath(rest), responseStatus: rest.status as 200, tags: [rest.tag] },
          ]),
        ),
        // Types that SOFA takes for models shrink to their id when nested.
        ignore: Object.values(schema.getTypeMap())
          .filter(isObjectType)
          .map(type => type.name),
        execute: args => {
          throw new Handed((args as unknown as { document: DocumentNode }).document)
        },
        // It comes here first, and would become a response.
        errorHandler: ([error]) => {
          throw error
        },
      }) as unknown as SofaRouter,
  )
  const handlers = new Map(router.__routes.map(route => [`${route.method} ${route.path}`, route.handler]))
  const routes: Route[] = []
  for (const { name, field, rest } of marked) {
    const handler = handlers.get(`${rest.method} ${sofaPath(rest)}`)
    if (!handler) throw new Error(`SOFA has no route for ${name}`)
    const query = compileDocument(schema, await documentOf(handler))
    routes.push({
      ...rest,
      name,
      field,
      read: compileInput(field, rest),
      run: async ({ ctx, variables }) => {
        const { data, errors } = await query(undefined, ctx, variables)
        if (errors) throw errors[0]
        return rest.status === 204 ? undefined : JSON.stringify(data[name])
      },
    })
  }
  return { routes, document: router.openAPIDocument }
}

/** SOFA looks at the syntax of a root type once for each argument, and prints and parses all of a type that has none. */
function withRootNodes<T>(schema: GraphQLSchema, make: () => T): T {
  const roots = [schema.getQueryType(), schema.getMutationType()].filter(type => type != null && !type.astNode)
  try {
    for (const type of roots) type!.astNode = parse(printType(type!)).definitions[0] as ObjectTypeDefinitionNode
    return make()
  } finally {
    for (const type of roots) type!.astNode = undefined
  }
}

/** There is nothing in it to read. */
const NO_REQUEST = { body: null, url: '', params: {} } as const

const sofaPath = (rest: RestRoute) => rest.path.replace(/\{(\w+)\}/g, (_, name: string) => `:${camel(name)}`)

function markedFields(schema: GraphQLSchema): Marked[] {
  const marked: Marked[] = []
  for (const type of [schema.getQueryType(), schema.getMutationType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      const rest = field.extensions.rest as RestRoute | undefined
      if (rest) marked.push({ name: field.name, typeName: type!.name, field, rest })
    }
  }
  return marked
}

/** SOFA hands out a document only to the `execute` of a handler that is called. */
class Handed {
  readonly document: DocumentNode
  constructor(document: DocumentNode) {
    this.document = document
  }
}

async function documentOf(handler: SofaHandler): Promise<DocumentNode> {
  const outcome = await handler(NO_REQUEST, {}).catch((thrown: unknown) => thrown)
  if (outcome instanceof Handed) return outcome.document
  throw new Error('SOFA ran no document', { cause: outcome })
}

/** Enums whose words in REST are others than their names. */
const enumSerializers = (schema: GraphQLSchema) =>
  Object.fromEntries(
    Object.values(schema.getTypeMap())
      .filter(type => isEnumType(type))
      .filter(type => type.getValues().some(each => enumWord(each) !== each.name))
      .map(type => {
        const words = new Map(type.getValues().map(each => [each.name, enumWord(each)]))
        return [type.name, (value: unknown) => words.get(type.serialize(value)!)]
      }),
  )

type Query = (root: undefined, ctx: Context, variables: Record<string, unknown>) => Answer | Promise<Answer>

interface Answer {
  data: Record<string, unknown>
  errors?: readonly unknown[]
}

function compileDocument(schema: GraphQLSchema, document: DocumentNode): Query {
  const query = compileQuery(schema, restDocument(schema, document), undefined, {
    customSerializers: enumSerializers(schema),
  })
  if (isCompiledQuery(query)) return query.query as Query
  const [operation] = document.definitions as [OperationDefinitionNode]
  throw new Error(`${operation.name?.value}: ${query.errors?.[0]?.message}`)
}
