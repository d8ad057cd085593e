import { type Context, tenantOf } from '../../context.ts'
import { type InstanceFigures, instanceFigures } from '../../db/queries/rollups.ts'
import type { InstanceState } from '../../whatsapp/whatsapp.ts'
import { type WindowArgs, windowOf } from './window.ts'

export interface InstanceHealth {
  id: string
  name: string
  state: InstanceState
  uptimeRatio: number | null
  reconnects: number
  lastError: string | null
  sent: number
  received: number
  failed: number
}

const INSTANCES_MAX = 1_000

/** How each instance has done, the newest first. */
export async function instanceHealth(ctx: Context, args: WindowArgs): Promise<{ data: InstanceHealth[] }> {
  const tenantId = tenantOf(ctx)
  const { start, end } = windowOf(ctx.clock, args).span
  const rows = await instanceFigures(ctx.db.sql, { tenantId, start, end, limit: INSTANCES_MAX })
  const time = { startMs: start.getTime(), endMs: Math.min(end.getTime(), ctx.clock.nowMs()) }
  const data = rows.map(row => ({
    ...row,
    state: row.state as InstanceState,
    uptimeRatio: uptimeRatio(row, time),
  }))
  return { data }
}

/** The share of the time, since there is the instance, in which it was connected. Null: it was not there yet. */
export function uptimeRatio(
  instance: Pick<InstanceFigures, 'state' | 'stateAt' | 'nobodysSince' | 'createdAt' | 'uptimeMs'>,
  { startMs, endMs }: { startMs: number; endMs: number },
): number | null {
  const allMs = endMs - Math.max(startMs, instance.createdAt.getTime())
  if (allMs <= 0) return null
  const sinceMs = Math.max(startMs, instance.stateAt.getTime())
  const untilMs = Math.min(endMs, instance.nobodysSince?.getTime() ?? endMs)
  const presentMs = instance.state === 'connected' ? Math.max(0, untilMs - sinceMs) : 0
  return Math.min(1, Math.round(((instance.uptimeMs + presentMs) / allMs) * 10_000) / 10_000)
}
