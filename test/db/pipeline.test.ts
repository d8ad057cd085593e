import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { findInstance } from '../../src/db/queries/instances.ts'
import { type Charged, chargeCaller } from '../../src/db/queries/rate-buckets.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { silent } from './processes.ts'

/** Short statements, which share two connections and do not wait for each other's answers. */

let own: TestDatabase
let database: Database
beforeAll(async () => {
  own = await testDatabase()
  database = await openDatabase({ databaseUrl: own.url, dataDir: '', log: silent })
  const { sql } = database
  for (const id of ['ten_a', 'ten_b']) {
    await sql.query(`insert into tenant (id, name, email) values ($1, 'Acme', $1 || '@acme.com')`, [id])
    await sql.query(`insert into api_key (id, tenant_id, name, hash, prefix) values ($1, $2, 'k', $3, 'x')`, [
      `key_${id}`,
      id,
      Buffer.alloc(32, id),
    ])
    await sql.query(`insert into instance (id, tenant_id, name, sandbox) values ($1, $2, 'bot', false)`, [
      `inst_${id}`,
      id,
    ])
  }
}, 120_000)
afterAll(async () => {
  await database.close()
  await own.drop()
})

const charge = (id: string, limit = 1000): Promise<Charged | null> =>
  chargeCaller(database.sql, { by: 'key-id', value: `key_${id}` }, { tokens: 1, limit })

/** Connections that have last made such a statement. */
const connections = async (like: string) =>
  (
    await database.sql.query<{ pid: number }>(
      'select pid from pg_stat_activity where datname = current_database() and query like $1 and pid <> pg_backend_pid()',
      [like],
    )
  ).map(({ pid }) => pid)

it('hundreds at a time need two connections, and each has its own answer', async () => {
  const asked = Array.from({ length: 300 }, (_, n) => (n % 3 === 0 ? 'ten_a' : n % 3 === 1 ? 'ten_b' : 'ten_c'))
  const found = await Promise.all(asked.map(id => findInstance(database.sql, id, `inst_${id}`)))
  expect(found.map(each => each?.tenantId ?? null)).toEqual(asked.map(id => (id === 'ten_c' ? null : id)))
  expect((await connections('%from instance where tenant_id = $1 and id = $2')).length).toBe(2)
})

it('one that fails takes nothing from those before and after it', async () => {
  const asked = await Promise.allSettled(
    Array.from({ length: 9 }, (_, n) => (n % 3 === 1 ? charge('ten_a', 1e12) : charge('ten_b'))),
  )
  const outcome = (n: number) => {
    const each = asked[n]!
    return each.status === 'fulfilled' ? each.value!.tenantId : (each.reason as { code: string }).code
  }
  // 22003: out of range.
  expect(asked.map((_, n) => outcome(n))).toEqual(asked.map((_, n) => (n % 3 === 1 ? '22003' : 'ten_b')))
})

it('when their connections are cut those under way are answered with unavailable, and the next ones by new connections', async () => {
  await charge('ten_a')
  const client = await database.pool.connect()
  await client.query('begin')
  await client.query(`select 1 from rate_bucket where key = 'ten_a' for update`)
  const waiting = [charge('ten_a'), charge('ten_a'), charge('ten_a')].map(each => each.catch(error => error))
  const blocked = () => connections('%rate_bucket as bucket%')
  while ((await blocked()).length < 2) await charge('ten_b')
  await database.sql.query('select pg_terminate_backend(pid) from unnest($1::int[]) as pid', [await blocked()])
  for (const error of await Promise.all(waiting)) expect(error).toMatchObject({ code: 'unavailable' })
  await client.query('rollback')
  client.release()
  expect(await charge('ten_a')).toMatchObject({ tenantId: 'ten_a', admitted: true })
})

it('what holds connections of the pool holds none of theirs', async () => {
  const held = await Promise.all(Array.from({ length: database.pool.options.max }, () => database.pool.connect()))
  expect(await charge('ten_a')).toMatchObject({ admitted: true })
  for (const client of held) client.release()
})
