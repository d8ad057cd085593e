import type { Clock } from '../../clock.ts'
import type { Span } from '../../db/queries/rollups.ts'
import { invalid } from '../../errors.ts'

/** Of which time an answer is: what was asked for, and the whole hours that it is counted in. */

export type Bucket = 'hour' | 'day'

export interface WindowArgs {
  since?: Date | null
  until?: Date | null
  bucket?: Bucket | null
}

export interface Window {
  /** As asked for. */
  since: Date
  until: Date
  bucket: Bucket
  /** From the hour that holds `since` to the end of the one before which `until` lies. */
  span: Span
  /** How many buckets; the last one may be cut short. */
  count: number
}

const HOUR_MS = 3_600_000
const BUCKET_MS: Record<Bucket, number> = { hour: HOUR_MS, day: 24 * HOUR_MS }
const DEFAULT_MS = 24 * HOUR_MS
/** So much is shown by the hour unless days are asked for. */
const BY_HOUR_MAX_MS = 48 * HOUR_MS
export const BUCKETS_MAX = 400

/**
 * Buckets begin at `since`, rounded down to the hour, and a day is the 24 hours after that: so days are those of any
 * time zone whose midnight is given as `since`.
 */
export function windowOf(clock: Clock, args: WindowArgs): Window {
  const nowMs = clock.nowMs()
  const since = args.since ?? new Date(nowMs - DEFAULT_MS)
  const until = args.until ?? new Date(nowMs)
  if (since >= until) {
    throw invalid(args.until ? { until: 'must be after since' } : { since: 'must be before until' })
  }
  const bucket = args.bucket ?? (until.getTime() - since.getTime() <= BY_HOUR_MAX_MS ? 'hour' : 'day')
  const startMs = Math.floor(since.getTime() / HOUR_MS) * HOUR_MS
  const endMs = Math.ceil(until.getTime() / HOUR_MS) * HOUR_MS
  const count = Math.ceil((endMs - startMs) / BUCKET_MS[bucket])
  if (count > BUCKETS_MAX) throw tooMany(bucket, { count, isWide: (endMs - startMs) / BUCKET_MS.day > BUCKETS_MAX })
  const span = { start: new Date(startMs), end: new Date(endMs), bucketSeconds: BUCKET_MS[bucket] / 1000 }
  return { since, until, bucket, span, count }
}

function tooMany(bucket: Bucket, { count, isWide }: { count: number; isWide: boolean }): Error {
  const problem = `gives ${count} buckets of a ${bucket}: at most ${BUCKETS_MAX} are answered`
  return invalid(isWide ? { since: problem } : { bucket: problem })
}

/** A point for each bucket, zeros where nothing was. */
export function seriesOf<Figures extends object>(
  { span, count }: Window,
  rows: readonly (Figures & { bucket: number })[],
  zeros: Figures,
): (Figures & { at: Date })[] {
  const byBucket = new Map(rows.map(({ bucket, ...figures }) => [bucket, figures as unknown as Figures]))
  return Array.from({ length: count }, (_, i) => ({
    at: new Date(span.start.getTime() + i * span.bucketSeconds * 1000),
    ...(byBucket.get(i) ?? zeros),
  }))
}

/** Each figure, summed. */
export function totalOf<Figures extends Record<keyof Figures, number>>(
  rows: readonly NoInfer<Figures>[],
  zeros: Figures,
): Figures {
  const total = { ...zeros }
  for (const row of rows) for (const name in zeros) total[name] = (total[name] + row[name]) as never
  return total
}
