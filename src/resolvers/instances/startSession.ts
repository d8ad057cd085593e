import type { App } from '../../context.ts'
import { findEpoch, takeLease } from '../../db/queries/leases.ts'
import type { Network } from '../../whatsapp/whatsapp.ts'

/** One process runs an instance: from here on this one, and what another still writes for it is refused. */
const LEASE_MS = 15_000

export interface Startable {
  id: string
  autoReconnect: boolean
}

/**
 * Takes the lease and starts the session, or leaves it as it is when it runs in this process: then the epoch is still
 * its own. False: the instance is gone. A `deleteInstance` that comes meanwhile ends what was started before its own
 * end; what was started after that is ended here.
 */
export async function startSession(app: App, instance: Startable, network: Network): Promise<boolean> {
  const { id, autoReconnect } = instance
  const lease = { instanceId: id, owner: app.node, now: app.clock.now(), ttlMs: LEASE_MS }
  const epoch = await takeLease(app.db.sql, lease)
  if (epoch === null) return false
  app.whatsapp.start(id, { network, autoReconnect, epoch })
  if ((await findEpoch(app.db.sql, id)) !== null) return true
  await app.whatsapp.unlink(id)
  return false
}
