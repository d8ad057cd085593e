import StripeClient from 'stripe'
import type { Outcome } from './stripe.ts'

/** Another call with the same key, or on the same object, is under way. */
const BUSY = new Set(['idempotency_key_in_use', 'lock_timeout'])

interface About {
  /** What names the thing that the call is about: its path, or that parameter. */
  by: 'path' | 'customer'
  /** Of ours, so that whoever asks again has the same. Stripe keeps the first answer to it for a day, a failure too. */
  hasKey?: boolean
}

export async function outcomeOf<T>({ by, hasKey = false }: About, call: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { kind: 'done', value: await call() }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const { code, param, statusCode } = error as { code?: string; param?: string; statusCode?: number }
    const reason = reasonOf(error)
    const isIt = by === 'path' ? statusCode === 404 : param === by
    if (code === 'resource_missing' && isIt) return { kind: 'missing', reason }
    if (!(error instanceof StripeClient.errors.StripeError)) throw error
    const isSpent = hasKey && error.headers?.['idempotent-replayed'] === 'true'
    const isNo = statusCode !== undefined && statusCode < 500 && statusCode !== 429 && !BUSY.has(code ?? '')
    return { kind: isSpent || isNo ? 'refused' : 'away', reason }
  }
}

/** Of Stripe's sentence, which may quote a part of the key, only what comes with any key. */
export function reasonOf(error: Error): string {
  const { type, code, param } = error as { type?: string; code?: string; param?: string }
  const message = error.message.replace(/\b(sk|rk|whsec)_\w+[\w*]*/g, '$1_…')
  return [type, code, param, message].filter(Boolean).join(' ')
}
