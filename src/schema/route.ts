import type { Context } from '../context.ts'

/** Marks a root field as a route of `/v1`: the only list of routes there is (`extensions.rest`). */
export interface RestRoute {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below `/v1`, with `{snake_case}` parameters that fill the camelCase arguments of the same name. */
  path: string
  /** Of a success. 204 has no body. */
  status: number
  /** The chapter in the reference. */
  tag: string
  /** Open to callers without credentials. */
  open?: boolean
  /** For the operator of the server alone: also open to who calls as that, without a tenant. */
  operator?: boolean
  /** The body is `multipart/form-data` with one file, which fills the argument of type `Upload`. */
  multipart?: {
    /** Called before the body is read, with the other arguments: rejects what needs no file to be refused. */
    admit(ctx: Context, args: Record<string, unknown>): Promise<void>
  }
  /** Counts against the quota, and its answers say what is left. */
  counted?: boolean
  /** How things stand may forbid it: 409. */
  conflicts?: boolean
}

type Marked = { extensions: { rest: RestRoute; once: boolean } }
interface Options
  extends Partial<Pick<RestRoute, 'status' | 'open' | 'operator' | 'counted' | 'conflicts' | 'multipart'>> {
  /** With an `Idempotency-Key` it runs once, and answers the same each time; see `mutations.ts`. */
  once?: boolean
}

const mark = (method: RestRoute['method'], tag: string, path: string, options: Options): Marked => {
  const { once = false, ...route } = options
  return { extensions: { rest: { method, path, status: 200, tag, ...route }, once } }
}

/** The body fills the argument `input`; the query string and the path fill arguments by name. */
export const routes = (tag: string) => ({
  get: (path: string, options: Options = {}) => mark('GET', tag, path, options),
  post: (path: string, options: Options = {}) => mark('POST', tag, path, options),
  patch: (path: string, options: Options = {}) => mark('PATCH', tag, path, options),
  delete: (path: string, options: Options = {}) => mark('DELETE', tag, path, { status: 204, ...options }),
})

/** Whether who calls may come to it at all; what is theirs there is for the operation to say. */
export const mayEnter = (
  { open = false, operator = false }: Pick<RestRoute, 'open' | 'operator'>,
  ctx: Pick<Context, 'caller' | 'operator'>,
): boolean => open || Boolean(ctx.caller) || (operator && ctx.operator)

/** Keeps a field of an object type out of REST answers (relations: they would cost a query per row). */
export const graphqlOnly = { extensions: { rest: false } } as const
