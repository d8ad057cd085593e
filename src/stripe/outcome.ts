import StripeClient from 'stripe'
import type { Outcome } from './stripe.ts'

/** Another call with the same key, or on the same object, is under way. */
const BUSY = new Set(['idempotency_key_in_use', 'lock_timeout'])

export async function outcomeOf<T>(call: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { kind: 'done', value: await call() }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    const { code, statusCode } = error as { code?: string; statusCode?: number }
    const reason = reasonOf(error)
    if (code === 'resource_missing') return { kind: 'missing', reason }
    if (!(error instanceof StripeClient.errors.StripeError)) throw error
    const isRefused = statusCode !== undefined && statusCode < 500 && statusCode !== 429 && !BUSY.has(code ?? '')
    return { kind: isRefused ? 'refused' : 'away', reason }
  }
}

/** Of Stripe's sentence, which may quote a part of the key, only what comes with any key. */
export function reasonOf(error: Error): string {
  const { type, code, param } = error as { type?: string; code?: string; param?: string }
  const message = error.message.replace(/\b(sk|rk|whsec)_\w+[\w*]*/g, '$1_…')
  return [type, code, param, message].filter(Boolean).join(' ')
}
