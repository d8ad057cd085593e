import { setTimeout as sleep } from 'node:timers/promises'
import type { App } from '../../context.ts'
import { releaseLease } from '../../db/queries/leases.ts'

const AT_ONCE = 10
/** For acks of what is on the wire already. What comes later is sent again, with the same id. */
const GRACE_MS = 300
const LOOK_EVERY_MS = 10

/** Closes the sessions of these instances here, each link kept, and lets other nodes go on with them. */
export async function handOver(app: App, instanceIds: readonly string[]): Promise<void> {
  const left = [...instanceIds]
  const one = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) await handOverOne(app, id)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
}

async function handOverOne(app: App, instanceId: string): Promise<void> {
  app.lanes.connect(instanceId, null)
  const endMs = performance.now() + GRACE_MS
  while (app.lanes.of(instanceId).inFlight.length > 0 && performance.now() < endMs) await sleep(LOOK_EVERY_MS)
  app.lanes.release(instanceId)
  await app.whatsapp.release(instanceId)
  // Not before the socket is closed: whoever takes it connects at once.
  if (!(await releaseLease(app.db.sql, { instanceId, owner: app.node.id }))) return
  app.metrics.node.gave(1)
  app.relay.tellAll(['free'])
}
