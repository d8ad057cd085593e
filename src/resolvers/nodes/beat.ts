import { hostname } from 'node:os'
import type { App } from '../../context.ts'
import { CONNECTIONS } from '../../db/pool.ts'
import { beatNode, buryNode, drainNode, insertNode, removeAllNodes, removeNode } from '../../db/queries/nodes.ts'
import { handOver } from './handOver.ts'
import { LEASE_MS } from './node.ts'
import { markOf } from './process-mark.ts'
import { settle } from './settle.ts'

/** Without anything new, the instances are looked at so many beats apart. */
const SETTLE_EVERY = 5
/** Alone on its database a node need not prove that it lives. */
const ALONE_EVERY = 5

/** At the start of the process: what it is to run, it runs. */
export async function joinNodes(app: App): Promise<void> {
  if (!app.node.shared) await removeAllNodes(app.db.sql)
  await enter(app)
  await look(app)
  await settle(app)
}

async function enter(app: App): Promise<void> {
  const sentMs = performance.now()
  const { id } = app.node
  const { version } = app.config
  const { draining } = app.node
  const of = { host: hostname(), process: markOf(), connections: CONNECTIONS, version, draining }
  await insertNode(app.db.sql, { id, ...of, leaseMs: LEASE_MS })
  app.node.beaten(sentMs)
  // Not before: meanwhile the clock would find it late, and have it begin once more.
  app.node.fenced = false
  app.node.joined = true
  app.relay.tellAll(['free'])
}

/** The clock's call, each second. */
export async function beatDue(app: App): Promise<void> {
  const { node } = app
  const tick = node.tick()
  if (!node.joined || (!node.shared && tick % ALONE_EVERY !== 0)) return
  node.allowMoves()
  const isNews = await look(app)
  // Not waited for: however long it takes, the next beat comes in time.
  if (isNews || tick % SETTLE_EVERY === 0 || node.draining || node.uneven) settleSoon(app)
}

/** There may be something to take or to hand over. */
export function settleSoon(app: App): void {
  if (app.node.isAsked) return
  app.node.ask()
  const work = app.node.inTurn(async () => {
    if (app.node.takeAsk()) await settle(app)
  })
  app.background('settle', work)
}

/** Says that this node lives, and sees who else does. True: somebody came or went. */
async function look(app: App): Promise<boolean> {
  const { node, db, log } = app
  const sentMs = performance.now()
  const seen = node.fenced ? null : await beatNode(db.sql, { id: node.id, leaseMs: LEASE_MS, lagMs: node.takeLagMs() })
  if (!seen) {
    await enterAnew(app)
    return true
  }
  const gotMs = performance.now()
  db.clock.take({ sentMs, gotMs, databaseMs: seen.databaseMs })
  node.beaten(sentMs)
  node.draining = seen.draining
  const others = seen.nodes.filter(({ id }) => id !== node.id)
  const dead = new Set<string>()
  for (const { id, beats } of node.peers.look(others, gotMs)) {
    if (!(await buryNode(db.sql, { id, beats }))) continue
    dead.add(id)
    app.metrics.node.buried()
    log.warn({ node: id }, 'a node has gone silent: its instances are taken over')
  }
  return node.meet(others.filter(({ id }) => !dead.has(id)).map(({ id, draining }) => `${id} ${draining}`))
}

/** Others have taken it for dead, or may have: it gives up all that it had, and begins as a new one. */
async function enterAnew(app: App): Promise<void> {
  const { node } = app
  app.log.warn({ node: node.id }, 'this node was out of touch for too long, and begins anew')
  giveUp(app)
  // Until it has done so, nobody tells of it or looks after it: the next beat would have it begin once more.
  node.joined = false
  try {
    await removeNode(app.db.sql, node.id)
    node.renew()
    await enter(app)
  } finally {
    node.joined = true
  }
}

/** The clock's call: closes the sockets of a node that is late, before others take its instances. */
export async function fenceDue(app: App): Promise<void> {
  const { node } = app
  if (!node.joined || node.holds || node.fenced) return
  app.log.warn({ node: node.id }, 'this node is out of touch: its sockets are closed')
  giveUp(app)
}

function giveUp(app: App): void {
  if (!app.node.fenced) app.metrics.node.fenced()
  app.node.fenced = true
  for (const { instanceId } of app.whatsapp.running()) app.lanes.connect(instanceId, null)
  app.whatsapp.abandon()
}

/** At the end of the process. */
export async function leaveNodes(app: App): Promise<void> {
  const { node, db } = app
  await node.inTurn(async () => {
    if (node.shared) {
      // First, so that the others have room for what is handed over while more of it is.
      await drainNode(db.sql, { id: node.id, draining: true })
      const all = app.whatsapp.running().map(({ instanceId }) => instanceId)
      await handOver(app, all)
    } else {
      // What it has is connected until its last beat.
      await beatNode(db.sql, { id: node.id, leaseMs: LEASE_MS, lagMs: node.takeLagMs() })
    }
    await removeNode(db.sql, node.id)
  })
  app.relay.tellAll(['free'])
}
