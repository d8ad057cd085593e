import { setTimeout as sleep } from 'node:timers/promises'
import { isLeaseLost } from './lease.ts'
import type { Log } from './log.ts'
import type { Vault } from './whatsapp.ts'

const ATTEMPTS = 5
const FIRST_PAUSE_MS = 400

/**
 * Erases what the vault has of an instance; a failure is logged, for the next login will end the same way. False when
 * it is another session's by now.
 */
export async function wipe(
  instanceId: string,
  { vault, log, epoch }: { vault: Vault; log: Log; epoch: number },
): Promise<boolean> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      await vault.wipe(instanceId, epoch)
      return true
    } catch (error) {
      if (isLeaseLost(error)) return false
      log.error({ instanceId, attempt, err: error }, 'the keys of a logged out instance could not be erased')
      if (attempt < ATTEMPTS) await sleep(FIRST_PAUSE_MS * 2 ** (attempt - 1))
    }
  }
  return true
}
