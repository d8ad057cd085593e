import { LEASE_LOST, UNOPENED } from './whatsapp.ts'

/** Whether the keeper refused because another session has taken the instance over. */
export const isLeaseLost = (error: unknown): boolean => isCausedBy(error, LEASE_LOST)

/** Whether what the keeper has does not open: to try again would change nothing, and to write would lose it. */
export const isUnopened = (error: unknown): boolean => isCausedBy(error, UNOPENED)

function isCausedBy(error: unknown, name: string): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause.name === name) return true
  return false
}
