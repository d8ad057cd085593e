/** The first try and three more. */
export const TRIES = 4

const FACTOR = 5
/** Only added: what failed together does not come back together. */
const JITTER = 0.2
const RETRY_AFTER_MAX_MS = 3_600_000

/**
 * How long to wait after `tries` that failed, in ms; null: no more. `retryAfterMs` is what the receiver asked for; it
 * can make the wait longer, and not longer than an hour. `chance` is from 0 to 1.
 */
export function waitAfter(
  tries: number,
  of: { baseMs: number; retryAfterMs: number | null; chance: number },
): number | null {
  if (tries >= TRIES) return null
  const waitMs = of.baseMs * FACTOR ** (tries - 1) * (1 + JITTER * of.chance)
  return Math.max(waitMs, Math.min(of.retryAfterMs ?? 0, RETRY_AFTER_MAX_MS))
}
