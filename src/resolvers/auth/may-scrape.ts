import { timingSafeEqual } from 'node:crypto'
import type { App } from '../../context.ts'
import { sha256 } from '../../secrets.ts'

/** Whether who sends this token, or none, may read the figures. Hashes are compared: how long it takes tells nothing of ours. */
export function mayScrape({ config: { metrics } }: Pick<App, 'config'>, given: string | null): boolean {
  if (metrics.token === null) return true
  return given !== null && timingSafeEqual(sha256(given), sha256(metrics.token))
}
