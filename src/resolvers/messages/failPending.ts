import type { App } from '../../context.ts'
import { instancesLeft, instancesWithExpired, lockPending } from '../../db/queries/outbox.ts'
import type { HouseEvent } from '../../events/catalogue.ts'
import { changeStatus } from './change-status.ts'
import { settled } from './settled.ts'
import type { MessageError } from './shape.ts'

const BATCH_MAX = 100
export const EXPIRED: MessageError = {
  code: 'expired',
  message: 'WhatsApp could not be reached before the message expired.',
}

/** Ends what an instance will not send any more: all of it, or whatever has expired `before` a time. */
export async function failPending(
  app: App,
  of: { instanceId: string; before: Date | null; error: MessageError },
): Promise<void> {
  const { instanceId, before, error } = of
  for (let found = BATCH_MAX; found === BATCH_MAX; ) {
    const events: HouseEvent[] = []
    const rows = await app.db.transaction(async sql => {
      const locked = await lockPending(sql, { instanceId, before, limit: BATCH_MAX })
      for (const row of locked) events.push(...(await changeStatus(sql, app, { row, status: 'failed', error })))
      return locked
    })
    found = rows.length
    for (const row of rows) settled(app, row)
    app.bus.publish(...events)
  }
}

/** Nothing that was accepted for a phone goes out by another one that is linked later. */
export const failLoggedOut = (app: App, instanceId: string): Promise<void> =>
  failPending(app, {
    instanceId,
    before: null,
    error: { code: 'logged_out', message: 'The phone was unlinked before the message could be sent.' },
  })

/** The clock's call: what was accepted while the phone was being unlinked, and what a crash left there. */
export async function failLeftPending(app: App): Promise<void> {
  for (const instanceId of await instancesLeft(app.db.sql)) await failLoggedOut(app, instanceId)
}

/** The clock's call. One instance after another: events of several in one transaction could wait for each other. */
export async function expirePending(app: App): Promise<void> {
  const before = app.clock.now()
  for (const instanceId of await instancesWithExpired(app.db.sql, before)) {
    await failPending(app, { instanceId, before, error: EXPIRED })
  }
}
