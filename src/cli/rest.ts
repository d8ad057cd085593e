import { setTimeout as wait } from 'node:timers/promises'
import { type FormData, request } from 'undici'
import type { Account } from './account.ts'
import { Lost, Trouble } from './trouble.ts'

// biome-ignore lint/suspicious/noExplicitAny: what a server of any version answers
export type Json = any

export interface Call {
  body?: unknown
  form?: FormData
  /** With it a call is done once, however often it is made. */
  idempotencyKey?: string
}

const ANSWER_TIMEOUT_MS = 60_000
const TRIES_MAX = 4
const WAIT_BASE_MS = 500
const WAIT_MAX_MS = 10_000

/** Calls the API. What can be made again without harm is made again while the server is busy or cannot be reached. */
export async function call(account: Account, method: string, path: string, sent: Call = {}): Promise<Json> {
  const mayRepeat = (method === 'GET' || sent.idempotencyKey !== undefined) && sent.form === undefined
  for (let failures = 1; ; failures++) {
    const { error, waitMs, ...answer } = await attempt(account, method, path, sent)
    if (!error) return answer.body
    if (!mayRepeat || waitMs === null || waitMs > WAIT_MAX_MS || failures === TRIES_MAX) throw error
    await wait(Math.max(waitMs, WAIT_BASE_MS * 2 ** failures))
  }
}

interface Attempt {
  body?: Json
  error?: Trouble
  /** How long to wait before it is tried again; null: that would not help. */
  waitMs: number | null
}

async function attempt({ url, apiKey }: Account, method: string, path: string, sent: Call): Promise<Attempt> {
  const { body, form, idempotencyKey } = sent
  const headers = {
    'x-api-key': apiKey,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
  }
  const target = `${url.href.replace(/\/+$/, '')}/v1${path}`
  let status: number
  let text: string
  let retryAfter: unknown
  try {
    const answer = await request(target, {
      method: method as 'GET',
      headers,
      body: form ?? (body === undefined ? null : JSON.stringify(body)),
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    })
    status = answer.statusCode
    retryAfter = answer.headers['retry-after']
    text = await answer.body.text()
  } catch (error) {
    const { code, name, message } = error as Error & { code?: string }
    const reason = name === 'TimeoutError' ? `no answer within ${ANSWER_TIMEOUT_MS / 1000} s` : (code ?? message)
    return { error: new Lost(`no connection to ${url.origin} (${reason})`), waitMs: 0 }
  }
  const parsed = parse(text)
  if (status < 300 && parsed !== NO_JSON) return { body: parsed, waitMs: null }
  const said = (parsed as Json)?.error
  if (typeof said?.code !== 'string') {
    const error = new Trouble(`${url.origin} is no server of Wataki's: it answers ${status}`, { code: 'no_wataki' })
    return { error, waitMs: status === 502 || status === 504 ? 0 : null }
  }
  const error = new Trouble(messageOf(said), { code: said.code, details: said.details })
  const busy = [429, 503].includes(status) || (status === 409 && retryAfter !== undefined)
  return { error, waitMs: busy ? Number(retryAfter ?? 0) * 1000 : null }
}

const NO_JSON = Symbol('no JSON')

function parse(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return NO_JSON
  }
}

/** All bad fields, not only the first. */
function messageOf({ code, message, details }: { code: string; message: string; details?: object }): string {
  const fields = Object.entries(details ?? {})
  if (code !== 'validation_error' || fields.length === 0) return message
  return fields.map(([field, says]) => `${field} ${says}`).join('; ')
}

/** A query by the same way, for what REST does not tell. */
export async function ask(account: Account, query: string, variables: Record<string, unknown>): Promise<Json> {
  const { url, apiKey } = account
  const headers = { 'x-api-key': apiKey, 'content-type': 'application/json' }
  const body = JSON.stringify({ query, variables })
  const signal = AbortSignal.timeout(ANSWER_TIMEOUT_MS)
  let answer: Json
  try {
    const got = await request(`${url.href.replace(/\/+$/, '')}/graphql`, { method: 'POST', headers, body, signal })
    answer = await got.body.json()
  } catch (error) {
    throw new Lost(`no connection to ${url.origin} (${(error as { code?: string }).code ?? (error as Error).message})`)
  }
  const problem = answer?.errors?.[0]
  if (problem) {
    const { code, details } = problem.extensions ?? {}
    throw new Trouble(problem.message, { code, details })
  }
  return answer.data
}
