import type { App } from '../../context.ts'
import type { DueDelivery } from '../../db/queries/webhook-outbox.ts'
import type { PostOutcome } from '../../delivery/delivery.ts'

export interface Tried {
  outcome: PostOutcome
  delivery: DueDelivery
  /** The receiver has it. */
  isTaken: boolean
}

/** For the operator: what came of a request, and how old the event is by then, unless somebody has asked for it again. */
export function countTry(
  app: Pick<App, 'metrics' | 'clock'>,
  { outcome, delivery: { carried, isReplay }, isTaken }: Tried,
): void {
  if (!carried) return
  app.metrics.webhooks.tried(outcome)
  if (isTaken && !isReplay) app.metrics.webhooks.delivered(app.clock.nowMs() - carried.at.getTime())
}
