import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody } from './http-body.ts'
import { type SandboxControl, SandboxError } from './sandbox.ts'

export const CONTROL_PATH = '/control/'
const MAX_BODY_BYTES = 1024 * 1024
/** 16 MiB of media in base64, and what is around it. */
const MAX_MEDIA_BODY_BYTES = 24 * 1024 * 1024

/** Each with the size of its largest body. */
const METHODS = {
  network: MAX_BODY_BYTES,
  counters: MAX_BODY_BYTES,
  scan: MAX_BODY_BYTES,
  enterCode: MAX_BODY_BYTES,
  sendMessage: MAX_MEDIA_BODY_BYTES,
  sendFromPhone: MAX_MEDIA_BODY_BYTES,
  messages: MAX_BODY_BYTES,
  reaction: MAX_BODY_BYTES,
  editMessage: MAX_BODY_BYTES,
  deleteMessage: MAX_BODY_BYTES,
  group: MAX_BODY_BYTES,
  changeGroup: MAX_BODY_BYTES,
  phoneChats: MAX_MEDIA_BODY_BYTES,
  readOnPhone: MAX_BODY_BYTES,
  receipt: MAX_BODY_BYTES,
  fault: MAX_BODY_BYTES,
  forget: MAX_BODY_BYTES,
} satisfies Record<keyof SandboxControl, number>
type Method = keyof typeof METHODS

const STATUS: Record<SandboxError['code'], number> = { no_qr: 409, not_linked: 409, unknown_message: 404, invalid: 400 }

/**
 * `POST /control/<token>/<method>` with `{account, request}` answers `{result}`, or `{error: {code, message}}` with
 * the code of a `SandboxError`. Whoever has the token has every phone, so it is compared in constant time.
 */
export function createControlHandler(control: SandboxControl, token: string) {
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const answer = (status: number, body: unknown) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    const [given = '', method = ''] = (request.url ?? '').slice(CONTROL_PATH.length).split('/')
    if (!sameToken(given, token)) return answer(404, { error: { code: 'invalid', message: 'not found' } })
    if (request.method !== 'POST' || !isMethod(method)) {
      return answer(404, { error: { code: 'invalid', message: 'there is no such call' } })
    }
    try {
      answer(200, { result: (await call(control, method, await bodyOf(request, METHODS[method]))) ?? null })
    } catch (error) {
      const known = error instanceof SandboxError
      const { message } = error as Error
      const body = known ? { code: error.code, message, field: error.field } : { code: 'internal', message }
      answer(known ? STATUS[error.code] : 500, { error: body })
    }
  }
}

interface Body {
  account: string
  request: Record<string, unknown>
}

async function bodyOf(request: IncomingMessage, limitBytes: number): Promise<Body> {
  const bytes = await readBody(request, limitBytes)
  if (!bytes) throw new SandboxError('invalid', `a body has at most ${limitBytes} bytes`)
  let body: Partial<Body> | null
  try {
    body = JSON.parse(bytes.toString('utf8') || '{}')
  } catch {
    throw new SandboxError('invalid', 'the body is not JSON')
  }
  const { account = '', request: asked = {} } = body ?? {}
  if (typeof account !== 'string' || typeof asked !== 'object' || asked === null) {
    throw new SandboxError('invalid', 'the body is {account, request}')
  }
  return { account, request: asked }
}

// The fields are checked by the calls themselves: they are `unknown` on the wire.
async function call(control: SandboxControl, method: Method, { account, request }: Body): Promise<unknown> {
  if (method === 'network') return control.network()
  if (method === 'counters') return control.counters()
  if (account === '' || account.length > 200) throw new SandboxError('invalid', 'account is missing')
  if (method === 'forget') return control.forget(account)
  const perform = control[method].bind(control) as (account: string, request: unknown) => Promise<unknown>
  return perform(account, request)
}

const isMethod = (name: string): name is Method => Object.hasOwn(METHODS, name)

function sameToken(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}
