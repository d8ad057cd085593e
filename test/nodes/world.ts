/** Several servers on one database, beside one sandbox: all of them processes of their own. */
import { until } from '../crash/processes.ts'
import { openWorld, type World } from '../crash/world.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'

export interface NodeWorld extends World {
  /** By the tables: which server has the instance. Null: none that is up. */
  ownerOf(instanceId: string): Promise<string | null>
  /** Instances of each node that lives, by its id. */
  spread(): Promise<Record<string, number>>
  /** A client of all, wherever they are. */
  all<T>(ids: readonly string[], work: (id: string) => Promise<T>): Promise<T[]>
  connected(): Promise<number>
  rows<R extends object>(text: string, params?: unknown[]): Promise<R[]>
}

const AT_ONCE = 8

type Options = Pick<Parameters<typeof openWorld>[0] & object, 'own' | 'preload'> & { settings?: Record<string, string> }

export async function openNodeWorld(nodes: number, { settings = {}, ...options }: Options = {}): Promise<NodeWorld> {
  const database: TestDatabase = await testDatabase()
  const world = await openWorld({
    ...options,
    nodes,
    settings: { DATABASE_URL: database.url, SECRET_KEY: 'one key for all of the nodes of a test', ...settings },
  }).catch(async error => {
    await database.drop()
    throw error
  })
  const { close } = world
  const pool = await keepOpen(world)
  const rows: NodeWorld['rows'] = async (text, params) => (await pool.query(text, params)).rows
  return Object.assign(world, {
    rows,
    async ownerOf(instanceId: string) {
      const [row] = await rows<{ owner: string }>(
        'select owner from instance_lease join node on node.id = owner where instance_id = $1',
        [instanceId],
      )
      return row?.owner ?? null
    },
    async spread() {
      const found = await rows<{ id: string; count: number }>(
        'select node.id, count(instance_id)::int as count from node left join instance_lease on owner = node.id group by 1',
      )
      return Object.fromEntries(found.map(({ id, count }) => [id, count]))
    },
    async all<T>(ids: readonly string[], work: (id: string) => Promise<T>) {
      const results: T[] = []
      const left = [...ids.entries()]
      const worker = async () => {
        for (let one = left.shift(); one; one = left.shift()) results[one[0]] = await work(one[1])
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))
      return results
    },
    async connected() {
      const [row] = await rows<{ count: number }>(
        `select count(*)::int as count from instance join instance_lease on instance_id = instance.id
         join node on node.id = owner where state = 'connected'`,
      )
      return row!.count
    },
    async close() {
      await pool.end()
      await close()
      await database.drop()
    },
  })
}

async function keepOpen(world: World) {
  const { default: pg } = await import('pg')
  const pool = new pg.Pool({ connectionString: world.server.databaseUrl!, max: 4 })
  pool.on('error', () => {})
  return pool
}

export { until }
