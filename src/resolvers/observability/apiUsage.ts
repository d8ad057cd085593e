import { type Context, tenantOf } from '../../context.ts'
import { type CallFigures, callFigures, routeFigures } from '../../db/queries/api-rollups.ts'
import type { Bucketed } from '../../db/queries/rollups.ts'
import { quantileMs, STEPS } from './histogram.ts'
import { seriesOf, type Window, type WindowArgs, windowOf } from './window.ts'
import { writeCallsDue } from './writeCallsDue.ts'

export interface CallStats {
  requests: number
  errors: number
  p50Ms: number
  p95Ms: number
}

export interface RouteStats extends CallStats {
  method: string
  route: string | null
}

export interface ApiUsage extends Window {
  totals: CallStats
  series: (CallStats & { at: Date })[]
  byRoute: RouteStats[]
}

const NO_CALLS: CallStats = { requests: 0, errors: 0, p50Ms: 0, p95Ms: 0 }
const ROUTES_MAX = 100

/** How often the API was called, how often in vain, and how long it took. */
export async function apiUsage(ctx: Context, args: WindowArgs): Promise<ApiUsage> {
  const tenantId = tenantOf(ctx)
  const window = windowOf(ctx.clock, args)
  const { totals, rows } = await callsOf(ctx, { tenantId, window })
  const buckets = rows.map(row => ({ ...statsOf(row), bucket: row.bucket }))
  const routes = await routeFigures(ctx.db.sql, { tenantId, ...window.span, limit: ROUTES_MAX })
  const byRoute = routes.map(row => ({ ...statsOf(row), method: row.method, route: row.route || null }))
  return { ...window, totals, series: seriesOf(window, buckets, NO_CALLS), byRoute }
}

/** With what this process has not written down yet; others write theirs within seconds. */
export async function callsOf(
  ctx: Pick<Context, 'db' | 'calls'>,
  { tenantId, window }: { tenantId: string; window: Window },
): Promise<{ totals: CallStats; rows: Bucketed<CallFigures>[] }> {
  await writeCallsDue(ctx)
  const rows = await callFigures(ctx.db.sql, { tenantId, ...window.span })
  return { totals: statsOf(sumOf(rows)), rows }
}

function sumOf(rows: readonly CallFigures[]): CallFigures {
  const sum = { requests: 0, errors: 0, times: new Array<number>(STEPS).fill(0) }
  for (const { requests, errors, times } of rows) {
    sum.requests += requests
    sum.errors += errors
    for (const [step, count] of times.entries()) sum.times[step]! += count
  }
  return sum
}

const statsOf = ({ requests, errors, times }: CallFigures): CallStats => ({
  requests,
  errors,
  p50Ms: quantileMs(times, 0.5),
  p95Ms: quantileMs(times, 0.95),
})
