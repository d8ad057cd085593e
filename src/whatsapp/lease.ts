import { LEASE_LOST } from './whatsapp.ts'

/** Whether the keeper refused because another session has taken the instance over. */
export function isLeaseLost(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause.name === LEASE_LOST) return true
  return false
}
