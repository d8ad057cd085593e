import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { createVault } from '../../src/db/vault.ts'
import { createSecrets } from '../../src/secrets.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { duplex } from './duplex.ts'

let place: TestDatabase
let database: Database

beforeAll(async () => {
  place = await testDatabase()
  const quiet = { info() {}, warn() {}, error() {} }
  database = await openDatabase({ databaseUrl: place.url, dataDir: '', log: quiet as never })
  await database.sql.query("insert into tenant (id, name, email) values ('t', 'T', 't@example.org')")
})

afterAll(async () => {
  await database?.close()
  await place?.drop()
})

test('both sides writing at the same time over PostgreSQL lose nothing and ask for nothing twice', async () => {
  const instanceId = 'duplex'
  await database.sql.query('insert into instance (id, tenant_id, name, sandbox) values ($1, $2, $1, true)', [
    instanceId,
    't',
  ])
  const vault = createVault({ sql: database.sql, secrets: createSecrets('a key for tests only') })
  const messagesEachWay = 80
  const run = await duplex({ vault, instanceId, messagesEachWay, gapMs: [5, 30], contact: '5511988880120' })
  expect(run).toEqual({
    undecryptable: 0,
    retries: 0,
    outboundRead: messagesEachWay,
    inboundRead: messagesEachWay,
    repeats: 0,
  })
  const [rows] = await database.sql.query<{ open: string }>(
    'select count(*) filter (where settled_at is null) as open from inbox where instance_id = $1',
    [instanceId],
  )
  expect(rows!.open).toBe('0')
})
