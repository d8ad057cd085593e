import { type Context, tenantOf } from '../../context.ts'
import { connectionFailures, messageFigures, type RecentError, recentErrors } from '../../db/queries/rollups.ts'
import { deliveryFigures, type FailedDelivery } from '../../db/queries/webhook-rollups.ts'
import { callsOf } from './apiUsage.ts'
import { NO_MESSAGES } from './messageStats.ts'
import { NO_DELIVERIES, recentFailuresOf } from './webhookStats.ts'
import { totalOf, type Window, type WindowArgs, windowOf } from './window.ts'

export interface ErrorSummary extends Window {
  byCategory: Record<RecentError['category'], number>
  recent: RecentError[]
}

const RECENT_MAX = 50

/** What went wrong, of whatever kind. */
export async function errorSummary(ctx: Context, args: WindowArgs): Promise<ErrorSummary> {
  const tenantId = tenantOf(ctx)
  const window = windowOf(ctx.clock, args)
  const { sql } = ctx.db
  const of = { tenantId, ...window.span }
  // First: it writes down the errors of calls, too.
  const api = (await callsOf(ctx, { tenantId, window })).totals.errors
  const messages = totalOf(await messageFigures(sql, { ...of, instanceId: null }), NO_MESSAGES).failed
  const webhooks = totalOf(await deliveryFigures(sql, of), NO_DELIVERIES).failed
  const connections = await connectionFailures(sql, of)
  const failures = await recentFailuresOf(ctx, { tenantId, window, limit: RECENT_MAX })
  const others = await recentErrors(sql, { ...of, limit: RECENT_MAX })
  const recent = [...failures.map(errorOf), ...others].sort((a, b) => b.at.getTime() - a.at.getTime())
  return { ...window, byCategory: { api, messages, webhooks, connections }, recent: recent.slice(0, RECENT_MAX) }
}

const errorOf = ({ at, statusCode, error, instanceId }: FailedDelivery): RecentError => ({
  at,
  category: 'webhooks',
  code: statusCode === null ? 'no_answer' : `http_${statusCode}`,
  message: error ?? 'The delivery failed.',
  instanceId,
})
