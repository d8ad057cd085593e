import type { App } from '../context.ts'
import { type Key, replaceSealed, SEALED, type SealedColumn, sealedAfter } from '../db/queries/sealed.ts'
import { type Secrets, secretsOf, Unopened } from '../secrets.ts'
import { letterPlace } from './auth/letters.ts'
import { firstAnswerPlace } from './once.ts'

/** All that is sealed, wherever it is. */
export const ALL_SEALED: SealedColumn[] = [
  ...SEALED,
  { table: 'first_answer', column: 'result', key: ['tenant_id', 'key'], place: firstAnswerPlace },
  { table: 'mail', column: 'letter', key: ['id'], place: letterPlace },
]

const BATCH_MAX = 100

export interface Resealed {
  /** Rows that are under the present key now and were not before, by table. */
  resealed: Record<string, number>
  /** Rows that neither key opens, by table: they are left as they are. */
  unopened: Record<string, number>
}

/**
 * The operator's word after a change of SECRET_KEY: brings what is under the previous key under the present one. One
 * row a statement: nothing is held while a server writes to the same rows, and what it writes meanwhile stays.
 */
export async function reseal(app: Pick<App, 'db' | 'config'>): Promise<Resealed> {
  const secrets = secretsOf(app.config)
  const counted: Resealed = { resealed: {}, unopened: {} }
  for (const column of ALL_SEALED) {
    counted.resealed[column.table] ??= 0
    let after: Key | null = null
    for (let isLast = false; !isLast; ) {
      const rows = await sealedAfter(app.db.sql, column, { after, limit: BATCH_MAX })
      for (const { key, sealed: was } of rows) {
        const sealed = resealed(secrets, was, column.place(...(key as never[])))
        if (sealed === UNOPENED) counted.unopened[column.table] = (counted.unopened[column.table] ?? 0) + 1
        else if (sealed && (await replaceSealed(app.db.sql, column, { key, was, sealed })))
          counted.resealed[column.table]! += 1
      }
      after = rows.at(-1)?.key ?? null
      isLast = rows.length < BATCH_MAX
    }
  }
  return counted
}

const UNOPENED = Symbol('unopened')

function resealed(secrets: Secrets, was: Buffer, place: string): Buffer | null | typeof UNOPENED {
  try {
    return secrets.reseal(was, place)
  } catch (error) {
    if (error instanceof Unopened) return UNOPENED
    throw error
  }
}
