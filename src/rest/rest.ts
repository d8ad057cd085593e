/**
 * The REST door: `/v1`, made by SOFA from the fields that carry `extensions.rest`. It owns the way of a request
 * through dispatch, credentials, input and answer, the spelling of names and the shape of errors. It decides
 * nothing about the product, and refuses to know who a caller is: the gate says so.
 */
import findMyWay from 'find-my-way'
import type { GraphQLSchema } from 'graphql'
import type { Context } from '../context.ts'
import { invalid, methodNotAllowed, notFound, unauthorized } from '../errors.ts'
import { answer, answerError, type Exchange } from './answer.ts'
import { readJson } from './body.ts'
import { openApi } from './openapi.ts'
import { type Route, sofaRoutes } from './routes.ts'

export interface RestOptions {
  schema: GraphQLSchema
  gate: RestGate
  /** Where the server is reached, for the OpenAPI document. */
  publicUrl: string
}

/** Who calls is not known here: this says so, in `ctx.caller`, and what is left to them. */
export interface RestGate {
  /** `open`: strangers may call, and credentials are not looked at. Rejects who may not come in. */
  enter: (exchange: Exchange, open: boolean) => Promise<void>
  peek: (ctx: Context) => void
}

export interface Rest {
  /** Answers a request whose path begins with `/v1`, whatever happens. */
  serve(exchange: Exchange): Promise<void>
  /** What can be reached, such as `GET /v1/instances/{instance_id}`. */
  routes: string[]
  openApi: object
}

interface Endpoint {
  method: string
  /** With `{snake_case}` parameters. */
  path: string
  open: boolean
  serve: (exchange: Exchange, target: Target) => void | Promise<void>
}

interface Target {
  params: Record<string, string | undefined>
  query: string
}

const BASE = '/v1'
/** Jids and other people's ids, percent-encoded, stay below it. */
const PATH_PARAMETER_MAX_LENGTH = 512

export async function createRest({ schema, gate, publicUrl }: RestOptions): Promise<Rest> {
  const { routes, document } = await sofaRoutes(schema)
  const description = openApi({ routes, document, publicUrl, schema })
  const text = JSON.stringify(description)
  const endpoints: Endpoint[] = [
    ...routes.map(route => ({
      method: route.method,
      path: BASE + route.path,
      open: route.open === true,
      serve: operation(route),
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

/** Everybody is counted before they are told anything, that there is no such route too. */
async function dispatch(exchange: Exchange, { find, gate }: { find: Find; gate: RestGate }): Promise<void> {
  const { method, url } = exchange.req
  const found = find(url!)
  if (found) exchange.ctx.facts.route = found.path
  const endpoint = found?.byMethod.get(method === 'HEAD' ? 'GET' : method!)
  if (method === 'OPTIONS') gate.peek(exchange.ctx)
  else await gate.enter(exchange, endpoint?.open === true)
  if (!found) throw notFound('route')
  if (endpoint) {
    if (!endpoint.open && !exchange.ctx.caller) throw unauthorized()
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
  const body = route.method === 'GET' ? undefined : await readJson(req)
  const { variables, problems } = route.read({ ...target, body })
  for (const _ in problems) return answerError(exchange, invalid(problems), { spelled: true })
  answer(exchange, route.status, await route.run({ ctx, variables }))
}
