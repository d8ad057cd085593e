import type { DueDelivery, TriedDelivery } from '../../db/queries/webhook-outbox.ts'
import type { PostOutcome } from '../../delivery/delivery.ts'
import { waitAfter } from './retry.ts'

/** The receiver says that nothing will ever be taken there again. */
export const GONE = 410

/** What a try means for its delivery. Taken is what is answered with 2xx; a redirect is not followed. */
export function triedOf(
  delivery: Pick<DueDelivery, 'id' | 'attempts'>,
  outcome: PostOutcome,
  on: { at: Date; node: string; baseMs: number; chance: number },
): TriedDelivery {
  const { id, attempts } = delivery
  const answer = outcome.kind === 'answered' ? outcome : null
  const made = {
    at: on.at.toISOString(),
    node: on.node,
    durationMs: Math.round(outcome.durationMs),
    statusCode: answer?.statusCode ?? null,
    error: errorOf(outcome),
    response: answer?.body ?? null,
  }
  if (made.error === null) return { id, attempts, status: 'delivered', waitMs: 0, made }
  const { baseMs, chance } = on
  const waitMs = waitAfter(attempts + 1, { baseMs, chance, retryAfterMs: answer?.retryAfterMs ?? null })
  if (waitMs === null || made.statusCode === GONE) return { id, attempts, status: 'failed', waitMs: 0, made }
  return { id, attempts, status: 'pending', waitMs, made }
}

function errorOf(outcome: PostOutcome): string | null {
  if (outcome.kind === 'failed') return outcome.message
  const { statusCode } = outcome
  if (statusCode >= 200 && statusCode < 300) return null
  return statusCode >= 300 && statusCode < 400
    ? `answered ${statusCode}: redirects are not followed`
    : `answered ${statusCode}`
}
