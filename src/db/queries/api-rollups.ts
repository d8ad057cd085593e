import type { Sql } from '../sql.ts'
import type { Bucketed, Span } from './rollups.ts'

/** Calls of the API, counted by the hour: written behind, and read. */

/** How many columns of `api_rollup` hold the times that calls took. */
export const TIME_COLUMNS = 25
const COLUMNS = Array.from({ length: TIME_COLUMNS }, (_, i) => `t${i}`)

export interface CallCount {
  tenantId: string
  /** What is counted together: all calls of an hour, those of a route in an hour, or in a day by its first hour. */
  grain: 'hour' | 'route_hour' | 'route_day'
  hour: Date
  /** Empty: all methods. */
  method: string
  /** The pattern; empty: there is no such route, or all routes. */
  route: string
  requests: number
  errors: number
  /** By their steps; streams are in none. */
  times: number[]
}

export interface CallError {
  tenantId: string
  at: Date
  code: string
  message: string
}

/**
 * Adds what was counted, once for each `id`: who got no answer may ask again. Of a tenant who is gone, nothing is
 * written.
 */
export async function addCalls(
  sql: Sql,
  batch: { id: string; counts: readonly CallCount[]; errors: readonly CallError[] },
): Promise<void> {
  const { id, counts, errors } = batch
  await sql.query(
    `with batch as (insert into api_batch (id) values ($1) on conflict do nothing returning 1),
     counted as (
       insert into api_rollup as kept (tenant_id, grain, hour, method, route, requests, errors, ${COLUMNS.join(', ')})
       select tenant.id, grain, hour, method, route, requests, errors,
         ${COLUMNS.map((_, i) => `(times::int[])[${i + 1}]`).join(', ')}
       from unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::int[], $7::int[], $8::text[], $13::text[])
           as given (tenant_id, hour, method, route, requests, errors, times, grain)
         join tenant on tenant.id = given.tenant_id, batch
       order by tenant.id, grain, hour, method, route
       on conflict (tenant_id, grain, hour, method, route) do update set requests = kept.requests + excluded.requests,
         errors = kept.errors + excluded.errors, ${COLUMNS.map(name => `${name} = kept.${name} + excluded.${name}`).join(', ')})
     insert into recent_error (tenant_id, at, category, code, message)
     select tenant.id, at, 'api', code, message
     from unnest($9::text[], $10::timestamptz[], $11::text[], $12::text[]) as given (tenant_id, at, code, message)
       join tenant on tenant.id = given.tenant_id, batch`,
    [
      id,
      counts.map(each => each.tenantId),
      counts.map(each => each.hour),
      counts.map(each => each.method),
      counts.map(each => each.route),
      counts.map(each => each.requests),
      counts.map(each => each.errors),
      counts.map(each => `{${each.times.join()}}`),
      errors.map(each => each.tenantId),
      errors.map(each => each.at),
      errors.map(each => each.code),
      errors.map(each => each.message),
      counts.map(each => each.grain),
    ],
    'add-calls',
  )
}

export interface CallFigures {
  requests: number
  errors: number
  times: number[]
}

const SUMS = `sum(requests)::float8 as requests, sum(errors)::float8 as errors,
  array[${COLUMNS.map(name => `sum(${name})::float8`).join(', ')}] as times`

/** Of all routes, without the buckets in which nothing happened. */
export function callFigures(sql: Sql, of: Span & { tenantId: string }): Promise<Bucketed<CallFigures>[]> {
  return sql.query(
    `select floor(extract(epoch from hour - $2::timestamptz) / $4::int)::int as bucket, ${SUMS} from api_rollup
     where tenant_id = $1 and grain = 'hour' and hour >= $2 and hour < $3 group by 1`,
    [of.tenantId, of.start, of.end, of.bucketSeconds],
    'call-figures',
  )
}

export type RouteFigures = CallFigures & { method: string; route: string }

/** Of each route that was called: whole days from the rows of days, and what is before and after them by the hour. */
export function routeFigures(
  sql: Sql,
  of: Pick<Span, 'start' | 'end'> & { tenantId: string; limit: number },
): Promise<RouteFigures[]> {
  return sql.query(
    `with days as (
       select first, greatest(first, date_trunc('day', $3::timestamptz, 'UTC')) as "end"
       from (select date_trunc('day', $2::timestamptz + interval '1 day' - interval '1 ms', 'UTC') as first) as f),
     calls as (
       select api_rollup.* from api_rollup, days
       where tenant_id = $1 and grain = 'route_day' and hour >= days.first and hour < days."end"
       union all
       select api_rollup.* from api_rollup, days
       where tenant_id = $1 and grain = 'route_hour' and hour >= $2 and hour < least($3, days.first)
       union all
       select api_rollup.* from api_rollup, days
       where tenant_id = $1 and grain = 'route_hour' and hour >= days."end" and hour < $3)
     select method, route, ${SUMS} from calls group by method, route order by 3 desc, 1, 2 limit $4`,
    [of.tenantId, of.start, of.end, of.limit],
    'route-figures',
  )
}

/** Forgets which batches were written, of those that nobody asks for again. */
export async function tidyCallBatches(sql: Sql, before: Date): Promise<void> {
  await sql.query('delete from api_batch where written_at < $1', [before], 'tidy-call-batches')
}
