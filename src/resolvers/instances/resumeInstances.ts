import type { App } from '../../context.ts'
import { resetStates } from '../../db/queries/instances.ts'
import { networkOf } from './network.ts'
import { onConnection } from './onConnection.ts'
import { startSession } from './startSession.ts'

/** At the start of the process: what was asked to be connected is connected again, with no new scan. */
export async function resumeInstances(app: App): Promise<void> {
  for (const instance of await resetStates(app.db.sql, app.clock.now())) {
    if (!instance.start) continue
    const network = networkOf(app, instance)
    if (network) await startSession(app, instance, network)
    else {
      const lastError = 'The sandbox, in which this instance lives, is off on this server.'
      await onConnection(app, instance.id, {
        state: 'error',
        lastError,
        linked: true,
        phoneNumber: null,
        lid: null,
        connection: null,
        epoch: 0,
      })
    }
  }
}
