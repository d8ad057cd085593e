import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody } from './http-body.ts'
import { type SandboxControl, SandboxError } from './sandbox.ts'

export const CONTROL_PATH = '/control/'
const MAX_BODY_BYTES = 1024 * 1024

const METHODS = ['network', 'scan', 'enterCode', 'sendMessage', 'messages', 'receipt', 'fault', 'forget'] as const
type Method = (typeof METHODS)[number]

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
      answer(200, { result: (await call(control, method, await bodyOf(request))) ?? null })
    } catch (error) {
      const known = error instanceof SandboxError
      const body = known ? { code: error.code, message: error.message } : { code: 'internal', message: String(error) }
      answer(known ? STATUS[error.code] : 500, { error: body })
    }
  }
}

interface Body {
  account: string
  request: Record<string, unknown>
}

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const bytes = await readBody(request, MAX_BODY_BYTES)
  if (!bytes) throw new SandboxError('invalid', `a body has at most ${MAX_BODY_BYTES} bytes`)
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
  if (account === '' || account.length > 200) throw new SandboxError('invalid', 'account is missing')
  if (method === 'forget') return control.forget(account)
  const perform = control[method].bind(control) as (account: string, request: unknown) => Promise<unknown>
  return perform(account, request)
}

const isMethod = (name: string): name is Method => (METHODS as readonly string[]).includes(name)

function sameToken(given: string, token: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}
