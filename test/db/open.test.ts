import { randomBytes } from 'node:crypto'
import { createServer } from 'node:net'
import type pg from 'pg'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { Instance } from '../../src/db/entities/instance.ts'
import { type Database, type DatabaseOptions, openDatabase } from '../../src/db/open.ts'
import { inTransaction, type Sql, sqlOverPool } from '../../src/db/sql.ts'
import { ApiError } from '../../src/errors.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { admin, withDatabase } from '../support/global-setup.ts'
import { eventually, silent } from './processes.ts'

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})

async function own(): Promise<TestDatabase> {
  const database = await testDatabase()
  ending.push(() => database.drop())
  return database
}

async function open(databaseUrl: string, more: Partial<DatabaseOptions> = {}): Promise<Database> {
  const database = await openDatabase({ databaseUrl, dataDir: '', log: silent, ...more })
  ending.push(() => database.close())
  return database
}

async function refusal(databaseUrl: string, more: Partial<DatabaseOptions> = {}): Promise<Error> {
  const error = await open(databaseUrl, more).then(
    () => new Error('it opened'),
    (failure: Error) => failure,
  )
  expect(error.message).not.toContain('\n')
  return error
}

describe('a DATABASE_URL that cannot be used stops the start with one line', () => {
  it('nobody listens there', async () => {
    const startedMs = performance.now()
    const error = await refusal('postgres://me:secret@127.0.0.1:1/wataki')
    expect(error).toMatchObject({ name: 'DatabaseStartError' })
    expect(error.message).toMatch(/^no database answers \(DATABASE_URL at 127\.0\.0\.1:1\): .*ECONNREFUSED/)
    expect(error.message).not.toContain('secret')
    expect(performance.now() - startedMs).toBeLessThan(20_000)
  })

  it('something listens and never says a word: within 5 s', async () => {
    const mute = createServer().listen(0, '127.0.0.1')
    ending.push(async () => void mute.close())
    await eventually(async () => mute.listening)
    const startedMs = performance.now()
    const error = await refusal(`postgres://me@127.0.0.1:${(mute.address() as { port: number }).port}/wataki`)
    expect(error.message).toMatch(/^no database answers/)
    expect(performance.now() - startedMs).toBeLessThan(20_000)
  })

  it('it is not an address, or names no database that exists', async () => {
    expect((await refusal('mysql://x/y')).message).toMatch(/DATABASE_URL is not an address/)
    expect((await refusal('nonsense')).message).toMatch(/DATABASE_URL is not an address/)
    const absent = withDatabase(inject('databaseAdminUrl'), 'wataki_absent')
    expect((await refusal(absent)).message).toMatch(/cannot be used.*wataki_absent/)
  })

  it('in production, when it acknowledges commits before they are on disk', async () => {
    const { url } = await own()
    const name = new URL(url).pathname.slice(1)
    await admin(inject('databaseAdminUrl'), `alter database ${name} set synchronous_commit = off`)
    expect((await refusal(url, { production: true })).message).toMatch(/synchronous_commit=off/)
    expect((await open(url)).describe).toMatch(/^PostgreSQL \d+\.\d+ \(DATABASE_URL at /)
  })
})

describe('migrations', () => {
  it('run once when three nodes start at the same moment', async () => {
    const name = `wataki_test_${randomBytes(6).toString('hex')}`
    const adminUrl = inject('databaseAdminUrl')
    await admin(adminUrl, `create database ${name}`)
    ending.push(() => admin(adminUrl, `drop database ${name} with (force)`))
    const ran: object[] = []
    const log = {
      ...silent,
      info: (fields: object, message: string) => void (message === 'database migrated' && ran.push(fields)),
    }
    const url = withDatabase(adminUrl, name)
    const nodes = await Promise.all([1, 2, 3].map(() => open(url, { log })))
    expect(ran).toHaveLength(1)
    const rows = await nodes[0]!.sql.query('select name, count(*)::int as n from migration group by name order by name')
    expect(rows).toEqual((ran[0] as { migrations: string[] }).migrations.map(migration => ({ name: migration, n: 1 })))
  })
})

describe('connections', () => {
  it('that the server cuts are an error for whoever uses them, and the next caller gets a new one', async () => {
    const { url } = await own()
    const database = await open(url)
    await Promise.all([1, 2, 3].map(() => database.sql.query('select pg_sleep(0.02)')))
    const cut = () =>
      admin(
        inject('databaseAdminUrl'),
        `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = '${new URL(url).pathname.slice(1)}'`,
      )
    const during = await database
      .transaction(async sql => {
        await sql.query('select 1')
        await cut()
        await sql.query('select 2')
      })
      .catch((error: unknown) => error)
    expect(during).toMatchObject({ code: 'unavailable' })
    await expect.poll(() => database.sql.query('select 3 as n').catch(() => null)).toEqual([{ n: 3 }])
    const duringOrm = await database.orm.em
      .fork()
      .transactional(async em => {
        await em.find(Instance, {})
        await cut()
        await em.find(Instance, {})
      })
      .catch((error: unknown) => error)
    expect(duringOrm).toMatchObject({ code: 'unavailable', status: 503 })
    expect(duringOrm).toBeInstanceOf(ApiError)
    // Of the other connections that were cut the pool hears one by one.
    await expect.poll(() => database.sql.query('select 3 as n').catch(() => null)).toEqual([{ n: 3 }])
    expect(await database.transaction(sql => sql.query('select 4 as n'))).toEqual([{ n: 4 }])
  })

  it('that give no answer are given up, with 503 for whoever waits, and not used again', async () => {
    const { url } = await own()
    const { pool } = await open(url)
    const before = pool.totalCount
    const unanswered = (sql: Sql) => sql.query('select pg_sleep(20)')
    const lost = { code: 'unavailable', status: 503 }
    await expect(unanswered(sqlOverPool(pool, 100))).rejects.toMatchObject(lost)
    await expect(inTransaction(pool, unanswered, 100)).rejects.toMatchObject(lost)
    expect(pool.totalCount).toBeLessThan(Math.max(before, 1))
    expect(pool.waitingCount).toBe(0)
    expect(await inTransaction(pool, sql => sql.query('select 5 as n'), 5_000)).toEqual([{ n: 5 }])
  })

  it('are waited for 5 s at most', async () => {
    const { url } = await own()
    const database = await open(url)
    const taken: pg.PoolClient[] = []
    for (let n = 0; n < database.pool.options.max; n++) taken.push(await database.pool.connect())
    const startedMs = performance.now()
    const em = database.orm.em.fork()
    const refused = await Promise.allSettled([
      database.sql.query('select 1'),
      database.transaction(sql => sql.query('select 1')),
      em.find(Instance, {}),
      em.transactional(inner => inner.find(Instance, {})),
    ])
    expect(performance.now() - startedMs).toBeLessThan(20_000)
    for (const result of refused) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'unavailable', status: 503 } })
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(ApiError)
    }
    for (const client of taken) client.release()
    expect(await database.sql.query('select 1 as n')).toEqual([{ n: 1 }])
  })
})
