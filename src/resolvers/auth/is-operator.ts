import { timingSafeEqual } from 'node:crypto'
import type { App } from '../../context.ts'
import { sha256 } from '../../secrets.ts'

/** Whether it is the OPERATOR_KEY of this server. Hashes are compared: how long it takes tells nothing of the key. */
export function isOperator({ config }: App, apiKey: string): boolean {
  return config.operatorKey !== null && timingSafeEqual(sha256(apiKey), sha256(config.operatorKey))
}
