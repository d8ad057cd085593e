/**
 * The REST door: `/v1`, made by SOFA from the fields that carry `extensions.rest`. It owns the way of a request
 * through dispatch, credentials, input and answer, the spelling of names and the shape of errors. It decides
 * nothing about the product, and refuses to know who a caller is: the gate says so.
 */
import findMyWay from 'find-my-way'
import type { GraphQLSchema } from 'graphql'
import type { Context } from '../context.ts'
import { invalid, methodNotAllowed, notFound, unauthorized } from '../errors.ts'
import type { DescribedEvent } from '../resolvers/events/eventCatalogue.ts'
import { mayEnter } from '../schema/route.ts'
import { answer, answerError, type Exchange } from './answer.ts'
import { arrived, readJson } from './body.ts'
import { readFile } from './bytes.ts'
import { snake } from './casing.ts'
import { isUpload } from './input.ts'
import { openApi } from './openapi.ts'
import { type Route, sofaRoutes } from './routes.ts'

export interface RestOptions {
  schema: GraphQLSchema
  gate: RestGate
  /** Routes that answer with bytes, beside those that SOFA makes. */
  binary?: BinaryRoute[]
  /** Routes for who signs what they send. */
  signed?: SignedRoute[]
  /** What webhooks are told of, for the OpenAPI document. */
  events?: DescribedEvent[]
  /** Where the server is reached, for the OpenAPI document. */
  publicUrl: string
}

/** Who calls is not known here: this says so, in `ctx.caller`, and what is left to them. */
export interface RestGate {
  /**
   * `open`: strangers may call, and credentials are not looked at. `multipart`: it takes a file. Rejects who may not
   * come in.
   */
  enter: (exchange: Exchange, way: { open: boolean; multipart: boolean }) => Promise<void>
  peek: (ctx: Context) => void
}

export interface Rest {
  /** Answers a request whose path begins with `/v1`, whatever happens. */
  serve(exchange: Exchange): Promise<void>
  /** Answers what is not served. Nobody is charged. */
  refuse(exchange: Exchange, error: unknown): void
  /** What can be reached, such as `GET /v1/instances/{instance_id}`. */
  routes: string[]
  openApi: object
}

interface Endpoint {
  method: string
  /** With `{snake_case}` parameters. */
  path: string
  open: boolean
  operator?: boolean
  multipart?: boolean
  /** Nobody is charged before it is served. */
  signed?: boolean
  serve: (exchange: Exchange, target: Target) => void | Promise<void>
}

/** A GET whose answer is no JSON. */
export interface BinaryRoute {
  /** Below `/v1`, with `{snake_case}` parameters. */
  path: string
  tag: string
  /** As it stands in the OpenAPI document. */
  description: object
  serve: (exchange: Exchange, target: Target) => Promise<void>
}

/** A POST of bytes whose signature says whether it is good. Nobody is charged for it, as long as it is. */
export interface SignedRoute {
  /** Below `/v1`. */
  path: string
  tag: string
  /** As it stands in the OpenAPI document. */
  description: object
  /** `charge`: counts the sender as the stranger that they turn out to be, and rejects beyond a stranger's allowance. */
  serve: (exchange: Exchange, target: Target, charge: () => Promise<void>) => Promise<void>
}

export interface Target {
  params: Record<string, string | undefined>
  query: string
}

const BASE = '/v1'
/** Jids and other people's ids, percent-encoded, stay below it. */
const PATH_PARAMETER_MAX_LENGTH = 512

export async function createRest(options: RestOptions): Promise<Rest> {
  const { schema, gate, publicUrl, binary = [], signed = [], events = [] } = options
  const { routes, document } = await sofaRoutes(schema)
  const description = openApi({ routes, document, publicUrl, schema, binary, signed, events })
  const text = JSON.stringify(description)
  const endpoints: Endpoint[] = [
    ...routes.map(route => ({
      method: route.method,
      path: BASE + route.path,
      open: route.open === true,
      operator: route.operator,
      multipart: route.multipart !== undefined,
      serve: route.multipart ? upload(route, route.multipart) : operation(route),
    })),
    ...binary.map(({ path, serve }) => ({ method: 'GET', path: BASE + path, open: false, serve })),
    ...signed.map(({ path, serve }) => ({
      method: 'POST',
      path: BASE + path,
      open: true,
      signed: true,
      serve: (exchange: Exchange, target: Target) =>
        serve(exchange, target, () => gate.enter(exchange, { open: true, multipart: false })),
    })),
    { method: 'GET', path: `${BASE}/openapi.json`, open: true, serve: exchange => answer(exchange, 200, text) },
  ]
  const find = dispatchTable(endpoints)
  return {
    routes: endpoints.map(({ method, path }) => `${method} ${path}`),
    openApi: description,
    async serve(exchange) {
      try {
        await dispatch(exchange, { find, gate })
      } catch (error) {
        answerError(exchange, error)
      }
    },
    refuse(exchange, error) {
      endpointOf(exchange, find)
      gate.peek(exchange.ctx)
      answerError(exchange, error)
    },
  }
}

type Find = (url: string) => { path: string; byMethod: Map<string, Endpoint>; target: Target } | null

/** One lookup by path, then by method: so a wrong method is known from a wrong path. */
function dispatchTable(endpoints: Endpoint[]): Find {
  const byPath = Map.groupBy(endpoints, endpoint => endpoint.path)
  const router = findMyWay({ querystringParser: text => text, maxParamLength: PATH_PARAMETER_MAX_LENGTH })
  for (const [path, group] of byPath) {
    const byMethod = new Map(group.map(endpoint => [endpoint.method, endpoint]))
    router.on('GET', path.replace(/\{(\w+)\}/g, ':$1'), () => {}, { path, byMethod })
  }
  return url => {
    const found = router.find('GET', url)
    if (!found) return null
    for (const name in found.params) if (found.params[name] === '') return null
    return { ...found.store, target: { params: found.params, query: found.searchParams as unknown as string } }
  }
}

/** What the path and the method lead to, noted for the log and for what is counted. */
function endpointOf({ req: { method, url }, ctx }: Exchange, find: Find) {
  const found = find(url!)
  const endpoint = found?.byMethod.get(method === 'HEAD' ? 'GET' : method!)
  ctx.facts.route = found?.path
  ctx.facts.wrongMethod = found !== null && !endpoint && method !== 'OPTIONS'
  return { found, endpoint }
}

/** Everybody is counted before they are told anything, that there is no such route too. */
async function dispatch(exchange: Exchange, { find, gate }: { find: Find; gate: RestGate }): Promise<void> {
  const { method } = exchange.req
  const { found, endpoint } = endpointOf(exchange, find)
  if (method === 'OPTIONS' || endpoint?.signed) gate.peek(exchange.ctx)
  else await gate.enter(exchange, { open: endpoint?.open === true, multipart: endpoint?.multipart === true })
  if (!found) throw notFound('route')
  if (endpoint) {
    if (!mayEnter(endpoint, exchange.ctx)) throw unauthorized()
    return endpoint.serve(exchange, found.target)
  }
  const headers = { Allow: allowed(found.byMethod) }
  if (method === 'OPTIONS') answer(exchange, 204, undefined, headers)
  else answerError(exchange, methodNotAllowed(), { headers })
}

function allowed(byMethod: Map<string, unknown>): string {
  const methods = [...byMethod.keys()]
  return [...methods, ...(byMethod.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ')
}

const operation = (route: Route) => async (exchange: Exchange, target: Target) => {
  const { req, ctx } = exchange as { req: Exchange['req']; ctx: Context }
  const body = route.method === 'GET' ? undefined : await arrived(exchange, readJson(req))
  const { variables, problems } = route.read({ ...target, body })
  for (const _ in problems) return answerError(exchange, invalid(problems), { spelled: true })
  answer(exchange, route.status, await route.run({ ctx, variables }))
}

/** What can be refused without the file is refused before it is read. */
function upload(route: Route, { admit }: NonNullable<Route['multipart']>) {
  const { name } = route.field.args.find(isUpload)!
  return async (exchange: Exchange, target: Target) => {
    const { req, ctx } = exchange
    const { variables, problems } = route.read({ ...target, body: undefined })
    for (const _ in problems) return answerError(exchange, invalid(problems), { spelled: true })
    await admit(ctx, variables)
    const file = await arrived(exchange, readFile(req, { ctx, name: snake(name) }))
    try {
      const body = await route.run({ ctx, variables: { ...variables, [name]: file } })
      answer(exchange, route.status, body)
    } finally {
      await ctx.spool.discard(file)
    }
  }
}
