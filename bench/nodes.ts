// What it costs that there are several nodes: statements of idle ones, and messages per second, on one machine with the
// database and the sandbox. `NODES=1,2,3 INSTANCES=30 SECONDS=10 ROUNDS=3`.
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openCluster } from '../test/chaos/cluster.ts'
import { acquaint } from '../test/crash/traffic.ts'
import { openWorld } from '../test/crash/world.ts'
import { given, median } from './support/measure.ts'

const NODES = (process.env.NODES ?? '1,2,3').split(',').map(Number)
const INSTANCES = given('INSTANCES', 30)
const SECONDS = given('SECONDS', 10)
const ROUNDS = given('ROUNDS', 3)
const CLIENTS = 16
/** Until the last receipt of what was sent before is written down. */
const SETTLED_MS = 15_000
const CONTACT = '5511988880001'

const rows: Record<string, string>[] = []
for (const nodes of NODES) {
  const cluster = await openCluster()
  const world = await openWorld({
    nodes,
    settings: { DATABASE_URL: cluster.url, SECRET_KEY: 'a key of a bench, which is long enough', LOG_LEVEL: 'warn' },
  })
  const pool = new pg.Pool({ connectionString: cluster.url, max: 1 })
  pool.on('error', () => {})
  try {
    const transactions = async () =>
      Number(
        (
          await pool.query(
            'select xact_commit + xact_rollback as n from pg_stat_database where datname = current_database()',
          )
        ).rows[0].n,
      )
    const perSecond = async () => {
      await sleep(SETTLED_MS)
      const before = await transactions()
      await sleep(SECONDS * 1000)
      return ((await transactions()) - before) / SECONDS
    }
    const empty = await perSecond()
    const ids: string[] = []
    for (let i = 0; i < INSTANCES; i++) ids.push(await world.link(`instance ${i}`))
    await acquaint(world, ids[0]!, CONTACT)
    for (const id of ids) await world.send(id, CONTACT, 'hello')
    const idle = await perSecond()
    const rates: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const endMs = performance.now() + SECONDS * 1000
      let sent = 0
      const client = async (n: number) => {
        while (performance.now() < endMs) {
          const { status } = await world.send(ids[(n + sent) % ids.length]!, CONTACT, `message ${sent}`)
          if (status === 202) sent++
        }
      }
      await Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(n)))
      rates.push(sent / SECONDS)
    }
    rows.push({
      nodes: String(nodes),
      'idle, no instance: transactions/s': empty.toFixed(1),
      [`idle, ${INSTANCES} connected: transactions/s`]: idle.toFixed(1),
      'per instance and second': ((idle - empty) / INSTANCES).toFixed(3),
      'messages/s, median': median(rates).toFixed(0),
    })
  } finally {
    await pool.end()
    await world.close()
    await cluster.close()
  }
}
const [first] = rows
console.table(
  rows.map(row => ({
    ...row,
    'of one node': (Number(row['messages/s, median']) / Number(first!['messages/s, median'])).toFixed(2),
  })),
)
