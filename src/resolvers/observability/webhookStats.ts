import { type Context, tenantOf } from '../../context.ts'
import {
  type DeliveryFigures,
  deliveryFigures,
  type FailedDelivery,
  failedDeliveries,
} from '../../db/queries/webhook-rollups.ts'
import { firstIdAt } from '../../ids.ts'
import { seriesOf, totalOf, type Window, type WindowArgs, windowOf } from './window.ts'

export interface WebhookStats extends Window {
  totals: DeliveryFigures
  series: (DeliveryFigures & { at: Date })[]
  recentFailures: FailedDelivery[]
}

export const NO_DELIVERIES: DeliveryFigures = { delivered: 0, failed: 0, retried: 0 }
const FAILURES_MAX = 20

/** What became of deliveries, and which of them failed last. */
export async function webhookStats(ctx: Context, args: WindowArgs): Promise<WebhookStats> {
  const tenantId = tenantOf(ctx)
  const window = windowOf(ctx.clock, args)
  const rows = await deliveryFigures(ctx.db.sql, { tenantId, ...window.span })
  const recentFailures = await recentFailuresOf(ctx, { tenantId, window, limit: FAILURES_MAX })
  const totals = totalOf(rows, NO_DELIVERIES)
  return { ...window, totals, series: seriesOf(window, rows, NO_DELIVERIES), recentFailures }
}

/** Newest first. A delivery's id tells when its event happened. */
export function recentFailuresOf(
  ctx: Pick<Context, 'db'>,
  of: { tenantId: string; window: Window; limit: number },
): Promise<FailedDelivery[]> {
  const { start, end } = of.window.span
  const [from, to] = [firstIdAt('del', start.getTime()), firstIdAt('del', end.getTime())]
  return failedDeliveries(ctx.db.sql, { tenantId: of.tenantId, from, to, limit: of.limit })
}
