/**
 * Three nodes on one database; one is killed while another stands still: how long until the third has connected all again,
 * and what became of the messages meanwhile. `npm run bench -- failover`. INSTANCES (300), ROUNDS (3) and BUSY (4) are environment
 * variables.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openCluster } from '../test/chaos/cluster.ts'
import { until } from '../test/crash/processes.ts'
import { acquaint, chance, Traffic } from '../test/crash/traffic.ts'
import { openWorld } from '../test/crash/world.ts'
import { given, median } from './support/measure.ts'
import { report } from './support/results.ts'

const INSTANCES = given('INSTANCES', 300)
const ROUNDS = given('ROUNDS', 3)
/** Instances with chats in both directions. */
const BUSY = given('BUSY', 4)
const GOAL_S = 20
const AT_ONCE = 8
/** Longer than a lease. */
const FROZEN_MS = 12_000
const WITHIN_MS = 120_000
/** So many may be on their way between two nodes. */
const MOVING = 15
const CONTACTS = ['5511955550001', '5511955550002']

const cluster = await openCluster()
const world = await openWorld({
  nodes: 3,
  settings: { DATABASE_URL: cluster.url, SECRET_KEY: 'a key of a bench, which is long enough', LOG_LEVEL: 'warn' },
})
const pool = new pg.Pool({ connectionString: cluster.url, max: 2 })
pool.on('error', () => {})

/** Connected, by how many at least each, and by whom: the processes of the nodes that live. */
async function owners(): Promise<{ connected: number; least: number; pids: Set<number> }> {
  const { rows } = await pool.query<{ pid: string; connected: number }>(
    `select split_part(process, ' ', 3) as pid, count(*) filter (where state = 'connected')::int as connected
     from node left join instance_lease on owner = node.id left join instance on instance.id = instance_id group by 1`,
  )
  return {
    connected: rows.reduce((sum, row) => sum + row.connected, 0),
    least: Math.min(...rows.map(row => row.connected)),
    pids: new Set(rows.map(({ pid }) => Number(pid))),
  }
}

async function linkAll(): Promise<string[]> {
  const ids: string[] = []
  const one = async () => {
    while (ids.length < INSTANCES) {
      const n = ids.push('') - 1
      ids[n] = await world.link(`instance ${n}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  return ids
}

/** Seconds from the kill until all are connected on the one that is left. */
async function round(n: number): Promise<number> {
  await until(
    async () => {
      const { least, pids } = await owners()
      return pids.size === 3 && least >= INSTANCES / 3 - MOVING
    },
    'three nodes, with as many instances each',
    WITHIN_MS,
  )
  const dead = world.servers[n % 3]!
  const frozen = world.servers[(n + 1) % 3]!
  const gone = [dead.pid, frozen.pid]
  frozen.freeze()
  await dead.kill()
  const goneMs = performance.now()
  await until(
    async () => {
      const { connected, pids } = await owners()
      return connected === INSTANCES && gone.every(pid => !pids.has(pid))
    },
    'all are connected on the one that is left',
    WITHIN_MS,
  )
  const tookMs = performance.now() - goneMs
  await dead.start()
  await sleep(Math.max(0, FROZEN_MS - (performance.now() - goneMs)))
  frozen.thaw()
  return tookMs / 1000
}

try {
  const ids = await linkAll()
  const busy = ids.slice(0, BUSY)
  for (const id of busy) for (const contact of CONTACTS) await acquaint(world, id, contact)
  const traffic = busy.map((instanceId, n) => new Traffic(world, { instanceId, contacts: CONTACTS, random: chance(n) }))
  const tookS: number[] = []
  for (let n = 0; n < ROUNDS; n++) tookS.push(await round(n))
  await Promise.all(traffic.map(each => each.stop()))
  for (const each of traffic) await until(() => each.arrived(), 'everything arrived', WITHIN_MS).catch(() => {})
  const verdicts = await Promise.all(traffic.map(each => each.verdict()))
  const [lost, doubled] = (['lost', 'doubled'] as const).map(kind => verdicts.flatMap(each => each[kind]).length)
  const isMet = Math.max(...tookS) <= GOAL_S && lost === 0 && doubled === 0
  report('failover', [
    {
      instances: INSTANCES,
      rounds: ROUNDS,
      'all connected after s': Number(median(tookS).toFixed(1)),
      'longest s': Number(Math.max(...tookS).toFixed(1)),
      sent: traffic.reduce((sum, each) => sum + each.accepted, 0),
      received: traffic.reduce((sum, each) => sum + each.said, 0),
      lost: lost!,
      doubled: doubled!,
      goal: `≤ ${GOAL_S} s, nothing lost or doubled`,
      met: isMet ? 'yes' : 'no',
    },
  ])
} finally {
  await pool.end()
  await world.close()
  await cluster.close()
}
