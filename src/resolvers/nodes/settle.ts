import type { App } from '../../context.ts'
import { type Claimed, claimFree, countLeases, findStranded, settleFree } from '../../db/queries/leases.ts'
import { networkOf } from '../instances/network.ts'
import { onConnection } from '../instances/onConnection.ts'
import { runSession } from '../instances/startSession.ts'
import { handOver } from './handOver.ts'

const CLAIM_MAX = 1_000

/** Takes what is free and hands over what is too much, so that all nodes have as many instances each. */
export async function settle(app: App): Promise<void> {
  const { node } = app
  if (!node.holds) return
  // Others give to this node from the moment on in which the table says that it takes again: so does it.
  const { mine, all, free, nodes, draining } = await countLeases(app.db.sql, node.id)
  // With nobody to hand over to, all stays where it is, and what is free goes to whoever comes first.
  const share = nodes === 0 ? all : draining ? 0 : Math.ceil(all / nodes)
  const takes = nodes === 0 || !draining
  // A node that is frozen seems to live until its lease is over, and takes no share of what another one had.
  const isLeft = node.leftLong(free) && takes
  const limit = isLeft ? free : share - mine
  if (isLeft && free > share - mine) node.keep()
  if (free > 0 && limit > 0) await claim(app, Math.min(CLAIM_MAX, limit))
  if (free > 0 || mine < all) await settleFree(app.db.sql, app.clock.now())
  await runStranded(app)
  const moving = node.keeps && !draining ? [] : movable(app).slice(0, node.takeMoves(mine - share))
  await handOver(app, moving)
  node.uneven = mine > share || (free > 0 && takes)
}

/** Not those whose code is being scanned. */
const movable = (app: App): string[] =>
  app.whatsapp.running().flatMap(({ instanceId, linked }) => (linked ? [instanceId] : []))

/** What was asked to be connected is connected again, with no new scan. */
async function claim(app: App, limit: number): Promise<void> {
  const owner = app.node.id
  const claimed = await claimFree(app.db.sql, { owner, limit, now: app.clock.now() })
  app.metrics.node.took(claimed.length)
  if (claimed.length > 0) app.log.info({ instances: claimed.length }, 'instances taken over')
  await run(app, { owner, claimed })
}

/**
 * What is ours and runs nowhere: the answer to a claim was lost, or a hand-over broke off between the socket and the lease.
 * Nobody else would ever take it.
 */
async function runStranded(app: App): Promise<void> {
  const owner = app.node.id
  const running = app.whatsapp.running().map(({ instanceId }) => instanceId)
  const found = await findStranded(app.db.sql, { owner, running })
  const long = app.node.strandedLong(found.map(({ id }) => id))
  const claimed = found.filter(({ id }) => long.has(id))
  if (claimed.length > 0) app.log.warn({ instances: claimed.length }, 'instances of this node ran nowhere')
  await run(app, { owner, claimed })
}

/** One that cannot be started is stranded, and keeps no other from it. */
async function run(app: App, { owner, claimed }: { owner: string; claimed: Claimed[] }): Promise<void> {
  for (const { epoch, ...instance } of claimed) {
    // The node has begun anew meanwhile: what it had under its name before is anybody's.
    if (app.node.id !== owner || app.node.fenced) return
    try {
      if (networkOf(app, instance)) await runSession(app, instance, epoch)
      else await tellSandboxOff(app, instance.id)
    } catch (cause) {
      app.log.error({ instanceId: instance.id, err: cause }, 'an instance could not be started')
    }
  }
}

const tellSandboxOff = (app: App, instanceId: string): Promise<void> =>
  onConnection(app, instanceId, {
    state: 'error',
    lastError: 'The sandbox, in which this instance lives, is off on this server.',
    linked: true,
    phoneNumber: null,
    lid: null,
    connection: null,
    epoch: 0,
  })
