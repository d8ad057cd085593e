import type { App } from '../../context.ts'
import { findRunnable, type Runnable } from '../../db/queries/instances.ts'
import { findEpoch, takeLease } from '../../db/queries/leases.ts'
import { unavailable } from '../../errors.ts'
import { networkOf } from './network.ts'

/** Another node has the instance. */
export class HeldElsewhere extends Error {
  override name = 'HeldElsewhere'
}

/**
 * Takes the lease and runs the session here, or leaves it as it is when it runs here already: then the epoch is still
 * its own. False: the instance is gone. Throws `HeldElsewhere` when a node that lives has it.
 */
export async function startSession(app: App, instanceId: string): Promise<boolean> {
  const owner = app.node.id
  const assertInTouch = () => {
    if (!app.node.holds || app.node.id !== owner)
      throw unavailable('This node is not in touch with the others: try again')
  }
  assertInTouch()
  const epoch = await takeLease(app.db.sql, { instanceId, owner })
  if (epoch === 'held') throw new HeldElsewhere()
  const found = epoch === null ? null : await findRunnable(app.db.sql, instanceId)
  // The process may have been stopped meanwhile, for so long that somebody else has the instance.
  assertInTouch()
  return found !== null && runSession(app, found, epoch!)
}

/**
 * A `deleteInstance` that comes meanwhile ends what was started before its own end; what was started after that is ended
 * here. False: it is gone.
 */
export async function runSession(app: App, { id, ...instance }: Runnable, epoch: number): Promise<boolean> {
  const network = networkOf(app, instance)
  if (!network) throw unavailable('the sandbox is off on this server')
  app.whatsapp.start(id, { network, autoReconnect: instance.autoReconnect, epoch })
  if ((await findEpoch(app.db.sql, id)) !== null) return true
  await app.whatsapp.unlink(id)
  return false
}
