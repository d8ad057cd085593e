import { type Context, tenantOf } from '../../context.ts'
import { instanceStates, type MessageFigures, messageFigures } from '../../db/queries/rollups.ts'
import { countPending, deliveryFigures } from '../../db/queries/webhook-rollups.ts'
import type { InstanceState } from '../../whatsapp/whatsapp.ts'
import { type CallStats, callsOf } from './apiUsage.ts'
import { NO_MESSAGES } from './messageStats.ts'
import { NO_DELIVERIES } from './webhookStats.ts'
import { totalOf, type Window, type WindowArgs, windowOf } from './window.ts'

export interface Overview extends Window {
  messages: MessageFigures
  instances: { total: number; states: Partial<Record<InstanceState, number>> }
  webhooks: { delivered: number; failed: number; pending: number; successRate: number | null }
  api: CallStats
}

/** Counting goes no further: who has so many waiting needs no exact number. */
export const PENDING_MAX = 100_000

/** Messages, instances, webhooks and calls of the API, each in a few numbers. */
export async function overview(ctx: Context, args: WindowArgs): Promise<Overview> {
  const tenantId = tenantOf(ctx)
  const window = windowOf(ctx.clock, args)
  const { sql } = ctx.db
  const messages = await messageFigures(sql, { tenantId, instanceId: null, ...window.span })
  const deliveries = totalOf(await deliveryFigures(sql, { tenantId, ...window.span }), NO_DELIVERIES)
  const pending = await countPending(sql, { tenantId, max: PENDING_MAX })
  const { delivered, failed } = deliveries
  const { totals: api } = await callsOf(ctx, { tenantId, window })
  const ended = delivered + failed
  return {
    ...window,
    messages: totalOf(messages, NO_MESSAGES),
    instances: await instancesOf(ctx, tenantId),
    webhooks: { delivered, failed, pending, successRate: ended === 0 ? null : delivered / ended },
    api,
  }
}

async function instancesOf({ db }: Pick<Context, 'db'>, tenantId: string): Promise<Overview['instances']> {
  const rows = await instanceStates(db.sql, tenantId)
  const total = rows.reduce((sum, { count }) => sum + count, 0)
  return { total, states: Object.fromEntries(rows.map(({ state, count }) => [state, count])) }
}
