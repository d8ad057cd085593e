import type { IncomingMessage } from 'node:http'
import type { App, Caller } from '../context.ts'
import { newId } from '../ids.ts'

/** Credentials → who calls. Null without credentials; rejects with `unauthorized` for bad ones. */
export type Identify = (app: App, apiKey: string | null) => Promise<Caller | null>

export function apiKeyOf(req: IncomingMessage): string | null {
  const key = req.headers['x-api-key']
  return typeof key === 'string' && key !== '' ? key : null
}

const SANE_ID = /^[A-Za-z0-9._-]{1,64}$/

/** The caller's own, if it sent a sane one. */
export function requestIdOf(req: IncomingMessage): string {
  const own = req.headers['x-request-id']
  return typeof own === 'string' && SANE_ID.test(own) ? own : newId('req')
}
