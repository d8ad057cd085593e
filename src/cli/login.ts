import { isCancel, password } from '@clack/prompts'
import {
  type Account,
  type AccountOptions,
  accountOf,
  givenKey,
  removeLogin,
  secretIn,
  urlOf,
  writeLogin,
} from './account.ts'
import { clean, say, show } from './output.ts'
import { call, type Json } from './rest.ts'
import { Trouble } from './trouble.ts'

interface Options extends AccountOptions {
  json?: boolean
}

/** Keeps a key that the server takes. The key comes by a file, standard input or a prompt, and is never shown. */
export async function login(options: Options): Promise<void> {
  const url = urlOf({ url: options.url })
  const account = { url, apiKey: givenKey(options) ?? (await typedKey(url)) }
  if (url.protocol === 'http:' && !isLocal(url.hostname)) say('The key goes over http, where others can read it.')
  const tenant = await whoIs(account)
  const path = writeLogin(account)
  const value = { url: url.href, tenant, api_key_prefix: account.apiKey.slice(0, 8), file: path }
  show(options.json, value, () => `Signed in at ${url.origin} as ${nameOf(tenant)}. The key is in ${path}.`)
}

const isLocal = (host: string): boolean => host === 'localhost' || host === '[::1]' || host.startsWith('127.')

async function typedKey(url: URL): Promise<string> {
  if (!process.stdin.isTTY) return secretIn('the API key on standard input', '-')
  const typed = await password({ message: `API key for ${url.origin}`, output: process.stderr })
  if (isCancel(typed) || !typed?.trim()) throw new Trouble('no key, no login')
  return typed.trim()
}

const whoIs = (account: Account): Promise<Json> => call(account, 'GET', '/auth/me')
const nameOf = ({ name, email }: Json): string => clean(`${name} (${email})`)

export function logout({ json }: Options): void {
  const removed = removeLogin()
  show(json, { removed }, () =>
    removed ? 'The key is gone from this machine; it still works elsewhere.' : 'There was no login.',
  )
}

export async function whoami(options: Options): Promise<void> {
  const account = accountOf(options)
  const tenant = await whoIs(account)
  const prefix = account.apiKey.slice(0, 8)
  const value = { url: account.url.href, tenant, api_key_prefix: prefix }
  show(
    options.json,
    value,
    () => `${nameOf(tenant)}, plan ${tenant.plan}, at ${account.url.origin} with key ${prefix}…`,
  )
}
