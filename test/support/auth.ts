import type { Context, Caller as Who } from '../../src/context.ts'
import { sendMailDue } from '../../src/resolvers/auth/sendMailDue.ts'
import { type Answer, type Json, type TestApp, until } from './app.ts'

/** Signing in as people do, and contexts as the door makes them. */

/** Without credentials; `at` is the server. */
export async function post(
  at: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<Answer> {
  const response = await fetch(at + path, {
    method: 'POST',
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
}

export const tokenIn = (link: string): string => new URL(link).hash.replace('#token=', '')

/** The token of the next letter to this address, after `ask`. */
export async function tokenFor(wataki: TestApp, email: string, ask: () => Promise<Answer>): Promise<string> {
  await wataki.app.db.sql.query('delete from mail_request')
  const before = wataki.app.mail.kept()[0]
  const { status } = await ask()
  if (status !== 200) throw new Error(`asked for a link and got ${status}`)
  await sendMailDue(wataki.app)
  await until(
    () => wataki.app.mail.kept(),
    kept => kept[0] !== before && kept[0]?.to === email,
  )
  return tokenIn((await wataki.letterTo(email)).link)
}

export const signUp = (wataki: TestApp, email: string, name = 'Acme'): Promise<string> =>
  tokenFor(wataki, email, () => post(wataki.url, '/v1/auth/signup', { name, email }))

export const logIn = (wataki: TestApp, email: string): Promise<string> =>
  tokenFor(wataki, email, () => post(wataki.url, '/v1/auth/login', { email }))

/** What an operation gets, over the app itself. */
export function contextOf(
  wataki: TestApp,
  given: { caller?: Who | null; ip?: string | null; sessionToken?: string | null } = {},
): Context {
  return Object.assign(Object.create(wataki.app), {
    em: wataki.app.db.orm.em.fork(),
    requestId: 'req_test',
    facts: {},
    caller: null,
    operator: false,
    ip: null,
    sessionToken: null,
    idempotencyKey: null,
    once: null,
    ...given,
  })
}

export async function rowsOf(wataki: TestApp, text: string, params: unknown[] = []): Promise<Json[]> {
  return wataki.app.db.sql.query(text, params)
}

export interface Session {
  tenant: Json
  token: string
  /** The whole `Set-Cookie` line. */
  setCookie: string
  /** To send: the cookie, as a page of ours sends it. */
  headers: Record<string, string>
}

const VALUE = /^wataki_session=([^;]*)/

/** Uses a link, as the page's button does; `headers` as the browser has them by then. */
export async function session(wataki: TestApp, token: string, headers?: Record<string, string>): Promise<Session> {
  const { status, body, headers: got } = await post(wataki.url, '/v1/auth/verify', { token }, headers)
  if (status !== 200) throw new Error(`verify answered ${status} ${JSON.stringify(body)}`)
  const setCookie = got.get('set-cookie')!
  const value = VALUE.exec(setCookie)![1]!
  return { tenant: body.tenant, token: value, setCookie, headers: cookie(wataki, value) }
}

export const cookie = (wataki: TestApp, value: string): Record<string, string> => ({
  cookie: `wataki_session=${value}`,
  origin: wataki.url,
})

export async function get(at: string, path: string, headers: Record<string, string>): Promise<Answer> {
  const response = await fetch(at + path, { headers })
  return { status: response.status, headers: response.headers, body: await response.json() }
}
