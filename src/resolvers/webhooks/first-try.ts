import { setTimeout as sleep } from 'node:timers/promises'
import type { App } from '../../context.ts'
import type { DeliveryRow } from '../../db/queries/webhook-deliveries.ts'
import { feedKey } from './lanes.ts'

/** How long a caller is kept waiting to be told what came of it. */
const WAIT_MS = 2000

export interface FirstTry {
  /** The delivery as it is after its next try; null: that takes longer. */
  of(deliveryId: string): Promise<DeliveryRow | null>
  cancel(): void
}

/** Call it before what causes the try, so that it does not slip by; and `cancel` in any case. */
export function firstTry(app: Pick<App, 'deliveries'>, of: { tenantId: string; instanceId: string }): FirstTry {
  const live = app.deliveries.feed.subscribe(feedKey(of))
  const late = new AbortController()
  const end = () => {
    late.abort()
    void live.return?.()
  }
  return {
    async of(deliveryId) {
      const timer = sleep(WAIT_MS, null, { signal: late.signal }).then(end, () => {})
      for await (const delivery of live) {
        if (delivery.id === deliveryId) return delivery
      }
      await timer
      return null
    },
    cancel: end,
  }
}
