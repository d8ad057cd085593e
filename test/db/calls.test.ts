import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { callFigures, routeFigures } from '../../src/db/queries/api-rollups.ts'
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
const requests = async (tenantId: string) => {
  const all = await callFigures(database.sql, { tenantId, ...span })
  const routes = await routeFigures(database.sql, { tenantId, ...span, limit: 10 })
  return [...all, ...routes].map(row => row.requests)
}

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
  expect(await requests('ten_a')).toEqual([3, 3])
})

it('of a tenant who is gone hold up nobody else', async () => {
  const calls = new Calls()
  calls.note({ ...call('ten_gone'), error: { code: 'not_found', message: 'gone' } })
  calls.note({ ...call('ten_b'), error: { code: 'not_found', message: 'message not found' } })
  await writeCallsDue({ calls, db: database })
  expect(await requests('ten_b')).toEqual([1, 1])
  expect(await database.sql.query('select tenant_id, code from recent_error')).toEqual([
    { tenant_id: 'ten_b', code: 'not_found' },
  ])
})

it('of a route are the same from whole days and the hours around them as from hours alone', async () => {
  const [from, hours] = [Date.UTC(2026, 2, 1), 100]
  const calls = new Calls()
  for (let n = 0; n < hours; n++) calls.note({ ...call('ten_c'), at: new Date(from + n * 3_600_000), tookMs: n })
  await writeCallsDue({ calls, db: database })
  for (let n = 0; n < 60; n++) {
    const start = Math.floor(Math.random() * (hours + 24)) - 12
    const end = start + 1 + Math.floor(Math.random() * 60)
    const time = {
      start: new Date(from + start * 3_600_000),
      end: new Date(from + end * 3_600_000),
      bucketSeconds: 864_000,
    }
    const [all] = await callFigures(database.sql, { tenantId: 'ten_c', ...time })
    const [route] = await routeFigures(database.sql, { tenantId: 'ten_c', ...time, limit: 10 })
    expect(route?.times, `${start} to ${end}`).toEqual(all?.times)
    expect(route?.requests ?? 0).toBe(Math.max(0, Math.min(end, hours) - Math.max(start, 0)))
  }
})
