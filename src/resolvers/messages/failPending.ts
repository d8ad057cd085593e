import type { App } from '../../context.ts'
import { lockPending } from '../../db/queries/messages.ts'
import type { HouseEvent } from '../../events/catalogue.ts'
import { changeStatus } from './change-status.ts'
import type { MessageError } from './shape.ts'

const BATCH_MAX = 100

/** Ends what will not be sent any more: of one instance, or whatever has expired `before` a time. */
export async function failPending(
  app: App,
  of: { instanceId: string | null; before: Date | null; error: MessageError },
): Promise<void> {
  for (let found = BATCH_MAX; found === BATCH_MAX; ) {
    const events: HouseEvent[] = []
    found = await app.db.transaction(async sql => {
      const rows = await lockPending(sql, { instanceId: of.instanceId, before: of.before, limit: BATCH_MAX })
      for (const row of rows) {
        const event = await changeStatus(sql, app, { row, status: 'failed', error: of.error })
        if (event) events.push(event)
      }
      return rows.length
    })
    for (const event of events) app.lanes.landed(event.instanceId, event.about)
    app.bus.publish(...events)
  }
}

export const expirePending = (app: App): Promise<void> =>
  failPending(app, {
    instanceId: null,
    before: app.clock.now(),
    error: { code: 'expired', message: 'WhatsApp could not be reached before the message expired.' },
  })
