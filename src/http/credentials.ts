import type { IncomingMessage } from 'node:http'
import { newId } from '../ids.ts'
import { SESSION_COOKIE } from '../rest/headers.ts'

export function apiKeyOf(req: IncomingMessage): string | null {
  const key = req.headers['x-api-key']
  return typeof key === 'string' && key !== '' ? key : null
}

/** Two that differ: one of them was planted, by another host of the same site, and neither is believed. */
export function sessionTokenOf(req: IncomingMessage): string | null {
  const { cookie } = req.headers
  if (cookie === undefined || !cookie.includes(SESSION_COOKIE)) return null
  const values = new Set<string>()
  for (const part of cookie.split(';')) {
    const at = part.indexOf('=')
    if (part.slice(0, at).trim() === SESSION_COOKIE) values.add(part.slice(at + 1).trim())
  }
  const [value] = values
  return values.size === 1 && value !== '' ? value! : null
}

/** As it was sent, good or not; null: not at all. */
export function idempotencyKeyOf(req: IncomingMessage): string | null {
  const key = req.headers['idempotency-key']
  return typeof key === 'string' ? key : null
}

const SANE_ID = /^[A-Za-z0-9._-]{1,64}$/

/** The caller's own, if it sent a sane one. */
export function requestIdOf(req: IncomingMessage): string {
  const own = req.headers['x-request-id']
  return typeof own === 'string' && SANE_ID.test(own) ? own : newId('req')
}
