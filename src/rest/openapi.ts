import { type GraphQLArgument, type GraphQLSchema, isRequiredArgument } from 'graphql'
import type { DescribedEvent } from '../resolvers/events/eventCatalogue.ts'
import { isOnce } from '../schema/mutations.ts'
import { snake } from './casing.ts'
import { SESSION_COOKIE } from './headers.ts'
import { isUpload } from './input.ts'
import {
  BODY,
  ERROR_RESPONSES,
  ERROR_SCHEMA,
  EVERY_ANSWER,
  errorsOf,
  HEADERS,
  headersOfSuccess,
  IDEMPOTENCY_KEY,
} from './openapi-errors.ts'
import { answerSchema, argumentSchema, schemasOf } from './openapi-schemas.ts'
import { webhooksOf } from './openapi-webhooks.ts'
import type { BinaryRoute } from './rest.ts'
import type { Route } from './routes.ts'

/** SOFA's document, rewritten to what `/v1` really does: OpenAPI 3.1. */

interface OpenApiOptions {
  schema: GraphQLSchema
  routes: Route[]
  /** SOFA's own. */
  document: Record<string, unknown>
  publicUrl: string
  binary: BinaryRoute[]
  events: DescribedEvent[]
}

interface SofaOperation {
  tags: string[]
  responses: Record<string, unknown>
}

const INFO = {
  title: 'Wataki',
  version: '1.0.0',
  description:
    'Send and receive WhatsApp messages. Every error has one shape, every id a prefix, every time is in UTC.',
}

export function openApi({ schema, routes, document, publicUrl, binary, events }: OpenApiOptions): object {
  const sofaPaths = document.paths as Record<string, Record<string, SofaOperation>>
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const method = route.method.toLowerCase()
    const sofa = sofaPaths[sofaPath(route)]?.[method]
    if (!sofa) throw new Error(`SOFA's document has no ${route.name}`)
    const path = (paths[`/v1${route.path}`] ??= {})
    path[method] = operation(route, sofa)
  }
  for (const { path, tag, description } of binary) paths[`/v1${path}`] = { get: { tags: [tag], ...description } }
  paths['/v1/openapi.json'] = { get: SELF }
  return inRestWords(routes, {
    openapi: '3.1.0',
    info: INFO,
    servers: [{ url: publicUrl }],
    security: [{ apiKey: [] }, { session: [] }],
    tags: [...new Set([...routes.map(route => route.tag), 'Reference'])].map(name => ({ name })),
    paths,
    ...(events.length > 0 ? { webhooks: webhooksOf(events) } : {}),
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'A key of your account.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: SESSION_COOKIE,
          description: 'Who is signed in on the dashboard. Writes are taken from its own pages only.',
        },
        operator: {
          type: 'apiKey',
          in: 'header',
          name: 'X-API-Key',
          description: 'The key of the operator of the server: its setting `OPERATOR_KEY`.',
        },
      },
      headers: HEADERS,
      responses: ERROR_RESPONSES,
      schemas: { Error: ERROR_SCHEMA, ...schemasOf(schema, routes) },
    },
  })
}

/** Descriptions are written once, with GraphQL's names in backticks; names of operations are the same in both. */
function inRestWords(routes: Route[], document: object): object {
  const operations = new Set(routes.map(route => route.name))
  const respell = (prose: string) =>
    prose.replace(/`([a-z]\w*)`/g, (code, name: string) => (operations.has(name) ? code : `\`${snake(name)}\``))
  const isProse = (key: string, value: unknown) =>
    typeof value === 'string' && (key === 'description' || key === 'summary')
  return JSON.parse(JSON.stringify(document, (key, value) => (isProse(key, value) ? respell(value) : value)))
}

const SELF = {
  operationId: 'openApi',
  summary: 'This document',
  tags: ['Reference'],
  security: [],
  responses: {
    200: {
      description: 'OpenAPI 3.1 of everything under `/v1`.',
      headers: EVERY_ANSWER,
      content: { 'application/json': { schema: { type: 'object' } } },
    },
    default: { $ref: '#/components/responses/Error' },
  },
}

function sofaPath(route: Route): string {
  const argument = (name: string) => route.field.args.find(arg => snake(arg.name) === name)!.name
  return route.path.replace(/\{(\w+)\}/g, (_, name: string) => `{${argument(name)}}`)
}

function operation(route: Route, sofa: SofaOperation): object {
  const { field } = route
  const input = field.args.find(arg => arg.name === 'input' || isUpload(arg))
  const parameters = [
    ...field.args.filter(arg => arg !== input).map(arg => parameter(route, arg)),
    ...(isOnce(field) ? [IDEMPOTENCY_KEY] : []),
  ]
  const description = field.description ?? route.name
  return {
    operationId: route.name,
    summary: description.split(/[.:;](\s|$)/)[0],
    description,
    tags: sofa.tags,
    ...(route.open ? { security: [] } : {}),
    ...(route.operator ? { security: [{ operator: [] }] } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(input ? { requestBody: requestBody(input) } : {}),
    responses: {
      ...Object.fromEntries(Object.keys(sofa.responses).map(status => [status, success(route)])),
      ...errorsOf(route),
    },
  }
}

function parameter(route: Route, arg: GraphQLArgument): object {
  const name = snake(arg.name)
  const inPath = route.path.includes(`{${name}}`)
  return {
    name,
    in: inPath ? 'path' : 'query',
    required: inPath || isRequiredArgument(arg),
    description: arg.description,
    schema: argumentSchema(arg),
  }
}

function requestBody(input: GraphQLArgument): object {
  if (isUpload(input)) return fileBody(input)
  return {
    required: isRequiredArgument(input),
    description: input.description,
    content: { [BODY]: { schema: argumentSchema(input) } },
  }
}

function fileBody(file: GraphQLArgument): object {
  const name = snake(file.name)
  const schema = {
    type: 'object',
    required: [name],
    properties: {
      [name]: { type: 'string', contentMediaType: 'application/octet-stream', description: file.description },
    },
    additionalProperties: false,
  }
  return { required: true, content: { 'multipart/form-data': { schema } } }
}

function success(route: Route): object {
  const headers = headersOfSuccess(route)
  if (route.status === 204) return { description: 'Done.', headers }
  const schema = answerSchema(route.field.type)
  return { description: route.field.description ?? '', headers, content: { [BODY]: { schema } } }
}
