import type { StatementKind } from '../telemetry/metrics/database.ts'
import type { Sql } from './sql.ts'

/** Told how long each took, to its end, good or bad. */
export type Measure = (kind: StatementKind, tookMs: number) => void

export async function measured<T>(measure: Measure, kind: StatementKind, work: () => Promise<T>): Promise<T> {
  const startMs = performance.now()
  try {
    return await work()
  } finally {
    measure(kind, performance.now() - startMs)
  }
}

export const measuredSql = (measure: Measure, kind: StatementKind, sql: Sql): Sql => ({
  query: (text, params, name) => measured(measure, kind, () => sql.query(text, params, name)),
})
