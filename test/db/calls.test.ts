import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { callFigures } from '../../src/db/queries/api-rollups.ts'
import type { Sql } from '../../src/db/sql.ts'
import { Calls } from '../../src/resolvers/observability/calls.ts'
import { writeCallsDue } from '../../src/resolvers/observability/writeCallsDue.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { silent } from './processes.ts'

/** Calls of the API, written behind. */

let own: TestDatabase
let database: Database
beforeAll(async () => {
  own = await testDatabase()
  database = await openDatabase({ databaseUrl: own.url, dataDir: '', log: silent })
  for (const id of ['ten_a', 'ten_b', 'ten_c']) {
    await database.sql.query(`insert into tenant (id, name, email) values ($1, 'Acme', $1 || '@acme.com')`, [id])
  }
}, 120_000)
afterAll(async () => {
  await database.close()
  await own.drop()
})

const at = new Date('2026-03-10T12:30:00Z')
const span = { start: new Date('2026-03-10T12:00:00Z'), end: new Date('2026-03-10T13:00:00Z'), bucketSeconds: 3_600 }
const call = (tenantId: string) => ({ tenantId, method: 'GET', route: '/v1/x', at, tookMs: 4, error: null })
const requests = async (tenantId: string) =>
  (await callFigures(database.sql, { tenantId, ...span })).map(row => [row.bucket, row.requests])

/** The statement happens, and its answer is lost. */
const unheard = (sql: Sql): Sql => ({
  async query(text, params, name) {
    await sql.query(text, params, name)
    throw new Error('lost')
  },
})

it('are counted once, although the answer to their writing was lost, and by several processes', async () => {
  const calls = new Calls()
  calls.note(call('ten_a'))
  const lost = writeCallsDue({ calls, db: { ...database, sql: unheard(database.sql) } })
  await expect(lost).rejects.toThrow('lost')
  calls.note(call('ten_a'))
  await Promise.all([writeCallsDue({ calls, db: database }), writeCallsDue({ calls, db: database })])
  const other = new Calls()
  other.note(call('ten_a'))
  await writeCallsDue({ calls: other, db: database })
  expect(await requests('ten_a')).toEqual([
    [0, 3],
    [null, 3],
  ])
})

it('of a tenant who is gone hold up nobody else', async () => {
  const calls = new Calls()
  calls.note({ ...call('ten_gone'), error: { code: 'not_found', message: 'gone' } })
  calls.note({ ...call('ten_b'), error: { code: 'not_found', message: 'message not found' } })
  await writeCallsDue({ calls, db: database })
  expect(await requests('ten_b')).toEqual([
    [0, 1],
    [null, 1],
  ])
  expect(await database.sql.query('select tenant_id, code from recent_error')).toEqual([
    { tenant_id: 'ten_b', code: 'not_found' },
  ])
})
