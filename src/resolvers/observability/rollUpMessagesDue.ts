import type { App } from '../../context.ts'
import { rollUpMessages } from '../../db/queries/rollups.ts'

/** So many statements in one call: who does not get to the end goes on at the next one. */
const ROUNDS_MAX = 100

/** The clock's call, on each node: counts what has happened to messages since the last one, on whatever node. */
export async function rollUpMessagesDue(app: Pick<App, 'db'>): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) if ((await rollUpMessages(app.db.sql)) === 0) return
}
