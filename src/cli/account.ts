import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { readClientSettings } from '../config.ts'
import { Trouble, Usage } from './trouble.ts'

/** A server, and the key with which it is called. */
export interface Account {
  url: URL
  apiKey: string
}

export interface AccountOptions {
  url?: string
  apiKey?: string
  apiKeyFile?: string
}

const Login = z.object({ url: z.string(), api_key: z.string() })

/** Where `wataki login` keeps what it was told. */
const loginPath = (): string => join(readClientSettings().configDir, 'login.json')

/** The server: what the command says, else the environment, else the login, else the one on this machine. */
export function urlOf(options: AccountOptions): URL {
  const { url, port } = readClientSettings()
  return urlIn('--url', options.url ?? url ?? readLogin()?.url.href ?? `http://localhost:${port}`)
}

/** The key comes from the same places. That of the login goes to the server of the login and to no other. */
export function accountOf(options: AccountOptions): Account {
  const url = urlOf(options)
  const login = readLogin()
  const stored = login && login.url.href === url.href ? login.apiKey : null
  const settings = readClientSettings()
  const around = options.url === undefined ? settings.apiKeyOfUrl : settings.apiKey
  const apiKey = givenKey(options) ?? around ?? stored
  if (!apiKey) {
    const where = login ? `the login is for ${login.url.origin}, and this is ${url.origin}` : 'there is no login'
    throw new Usage(`no API key: ${where}. Run wataki login, or set WATAKI_API_KEY`)
  }
  return { url, apiKey }
}

/** Null: none was given. */
export function givenKey({ apiKey, apiKeyFile }: AccountOptions): string | null {
  if (apiKey !== undefined && apiKeyFile !== undefined) throw new Usage('--api-key and --api-key-file are one too many')
  if (apiKeyFile !== undefined) return secretIn('--api-key-file', apiKeyFile)
  return apiKey || null
}

/** What a file holds, or standard input for `-`: what stands in the command line is seen by everybody on the machine. */
export function secretIn(option: string, path: string): string {
  const text = textIn(option, path).trim()
  if (text === '') throw new Usage(`${option}: there is nothing in it`)
  return text
}

export function textIn(option: string, path: string): string {
  try {
    return readFileSync(path === '-' ? process.stdin.fd : path, 'utf8')
  } catch (error) {
    throw new Trouble(`${option} cannot be read (${(error as Error).message})`)
  }
}

/** `localhost:4000/hook` will do. */
export function urlIn(option: string, text: string): URL {
  const url = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (!url || !/^https?:$/.test(url.protocol)) throw new Usage(`${option} must be an http or https URL`)
  return url
}

export function readLogin(): Account | null {
  let text: string
  try {
    text = readFileSync(loginPath(), 'utf8')
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return null
    throw new Trouble(`the login cannot be read (${(error as Error).message})`)
  }
  try {
    const { url, api_key } = Login.parse(JSON.parse(text))
    return { url: urlIn('the login', url), apiKey: api_key }
  } catch {
    throw new Trouble(`${loginPath()} is damaged: run wataki logout, then wataki login`)
  }
}

/** For its user alone, and whole or not at all. Answers where it is. */
export function writeLogin({ url, apiKey }: Account): string {
  const path = loginPath()
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, `${JSON.stringify({ url: url.href, api_key: apiKey })}\n`, { mode: 0o600, flag: 'wx' })
  chmodSync(draft, 0o600)
  renameSync(draft, path)
  return path
}

/** Whether there was one. */
export function removeLogin(): boolean {
  try {
    rmSync(loginPath())
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw new Trouble(`the login cannot be removed (${(error as Error).message})`)
  }
}
