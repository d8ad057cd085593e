import type { App } from '../../context.ts'
import type { MessageRow } from '../../db/queries/messages.ts'
import type { Sql } from '../../db/sql.ts'
import type { HouseEvent } from '../../events/catalogue.ts'
import { changeStatus, type StatusChange } from './change-status.ts'
import { settled } from './settled.ts'

/** Moves what `find` locks on, in one transaction; then tells the lanes and the listeners. */
export async function changeRow(
  app: App,
  of: { find: (sql: Sql) => Promise<(MessageRow | null)[]>; change: StatusChange },
): Promise<void> {
  const { changed, events } = await app.db.transaction(async sql => {
    const rows = (await of.find(sql)).filter(row => row !== null)
    const events: HouseEvent[] = []
    for (const row of rows) events.push(...(await changeStatus(sql, app, { row, ...of.change })))
    return { changed: rows, events }
  })
  for (const row of changed) settled(app, row)
  app.bus.publish(...events)
}
