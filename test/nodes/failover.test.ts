import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Server } from '../crash/processes.ts'
import { acquaint, PERFECT, Traffic } from '../crash/traffic.ts'
import { type NodeWorld, openNodeWorld, until } from './world.ts'

const INSTANCES = 6
const CONTACT = '5511988880001'
/** A lease, and what it takes to notice and to connect. */
const WITHIN_MS = 20_000
const FROZEN_MS = 15_000

let world: NodeWorld
let ids: string[]
beforeAll(async () => {
  world = await openNodeWorld(3)
  ids = await world.all(
    Array.from({ length: INSTANCES }, (_, i) => `instance ${i}`),
    name => world.link(name),
  )
}, 180_000)
afterAll(() => world?.close(), 60_000)

const evenly = async (nodes: number): Promise<boolean> => {
  const counts = Object.values(await world.spread())
  return counts.length === nodes && counts.every(count => count <= Math.ceil(INSTANCES / nodes))
}

async function ownerOf(id: string): Promise<Server> {
  const [row] = await world.rows<{ pid: string }>(
    `select split_part(process, ' ', 3) as pid from instance_lease join node on node.id = owner where instance_id = $1`,
    [id],
  )
  return world.servers.find(({ pid }) => String(pid) === row?.pid)!
}

const nodeOf = async ({ pid }: Server): Promise<string> =>
  (await world.rows<{ id: string }>(`select id from node where split_part(process, ' ', 3) = $1`, [String(pid)]))[0]!.id

/** Connected is not what a row says but what carries a message. */
async function carries(id: string): Promise<boolean> {
  const text = `from ${id} at ${performance.now()}`
  if ((await world.send(id, CONTACT, text)).status !== 202) return false
  await until(async () => (await world.shown(id, CONTACT)).includes(text), 'it arrives')
  return true
}

describe('instances of three nodes', () => {
  it('are spread evenly, and each carries messages wherever it is asked', async () => {
    await until(() => evenly(3), 'evenly spread', 60_000)
    await until(async () => (await world.connected()) === INSTANCES, 'all connected')
    expect(await world.all(ids, carries)).toEqual(Array(INSTANCES).fill(true))
  }, 120_000)

  it('move without a second socket when a node ends in peace, and spread again when it comes back', async () => {
    const before = await world.network.counters()
    await acquaint(world, ids[0]!, '5511988880004')
    const traffic = new Traffic(world, { instanceId: ids[0]!, contacts: ['5511988880004'], random: Math.random })
    await sleep(300)
    const server = await ownerOf(ids[0]!)
    const { code } = await server.terminate()
    expect(code).toBe(0)
    await until(() => evenly(2), 'the others have all', 30_000)
    await until(async () => (await world.connected()) === INSTANCES, 'all connected')
    await server.start()
    await until(() => evenly(3), 'evenly spread again', 60_000)
    await traffic.stop()
    await until(() => traffic.arrived(), 'everything arrived', 60_000)
    expect(await traffic.verdict()).toEqual(PERFECT)
    const after = await world.network.counters()
    expect(after.logins - before.logins).toBeGreaterThan(1)
    expect({ replaced: after.replaced - before.replaced, late: after.late }).toEqual({ replaced: 0, late: 0 })
  }, 180_000)

  it(`are connected again on the others within ${WITHIN_MS / 1000} s of a kill -9, with nothing lost or doubled`, async () => {
    await acquaint(world, ids[1]!, '5511988880002')
    const traffic = new Traffic(world, { instanceId: ids[1]!, contacts: ['5511988880002'], random: Math.random })
    await sleep(500)
    const server = await ownerOf(ids[1]!)
    const dead = await nodeOf(server)
    await server.kill()
    const killedMs = performance.now()
    const isOver = async () => (await world.spread())[dead] === undefined && (await world.connected()) === INSTANCES
    await until(isOver, 'all connected elsewhere', WITHIN_MS)
    console.log(`nodes: all connected ${Math.round(performance.now() - killedMs)} ms after a kill -9`)
    await server.start()
    await traffic.stop()
    await until(() => traffic.arrived(), 'everything arrived', 60_000)
    expect(await traffic.verdict()).toEqual(PERFECT)
    expect(world.unreadable()).toBe(0)
  }, 180_000)

  it(`are connected elsewhere within ${WITHIN_MS / 1000} s when their node is frozen; when it goes on it sends nothing, and is a node like others again`, async () => {
    await until(() => evenly(3), 'evenly spread', 60_000)
    await acquaint(world, ids[2]!, '5511988880003')
    const traffic = new Traffic(world, { instanceId: ids[2]!, contacts: ['5511988880003'], random: Math.random })
    await sleep(500)
    const server = await ownerOf(ids[2]!)
    const frozen = await nodeOf(server)
    const before = await world.network.counters()
    const held = (await world.spread())[frozen]!
    server.freeze()
    const frozenMs = performance.now()
    const isOver = async () => (await world.spread())[frozen] === undefined && (await world.connected()) === INSTANCES
    await until(isOver, 'all connected elsewhere', WITHIN_MS)
    console.log(`nodes: all connected ${Math.round(performance.now() - frozenMs)} ms after a node froze`)
    await sleep(Math.max(0, FROZEN_MS - (performance.now() - frozenMs)))
    server.thaw()
    await until(() => evenly(3), 'the node takes part again', 60_000)
    expect((await world.spread())[frozen]).toBeUndefined()
    await traffic.stop()
    await until(() => traffic.arrived(), 'everything arrived', 60_000)
    expect(await traffic.verdict()).toEqual(PERFECT)
    const after = await world.network.counters()
    expect({ undecryptable: after.undecryptable, resent: after.resent }).toEqual({ undecryptable: 0, resent: 0 })
    // Its sockets could not be closed by itself: the network replaced them, and heard nothing of them afterwards.
    expect(after.replaced - before.replaced).toBeLessThanOrEqual(held)
    expect(after.late).toBe(0)
    expect(await world.all(ids, carries)).toEqual(Array(INSTANCES).fill(true))
  }, 180_000)
})
