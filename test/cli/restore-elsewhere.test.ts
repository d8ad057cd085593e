import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { inSnapshot, migrationsIn, rowsOf, tablesIn } from '../../src/db/dump.ts'
import { MIGRATIONS } from '../../src/db/migrations/list.ts'
import { openDatabase } from '../../src/db/open.ts'
import { type End, FORMAT, keyChecks, writeArchive } from '../../src/operator/archive.ts'
import { secretsOf } from '../../src/secrets.ts'
import { folder, removeFolder } from '../crash/processes.ts'
import { emptyDatabase, makeOld, type OldDatabase, type Row, stateOf } from '../db/old-database.ts'
import { silent } from '../db/processes.ts'
import { openS3Double } from '../storage/s3-double.ts'
import { jsonOf, run } from './cli.ts'

const NAMES = MIGRATIONS.map(({ name }) => name)
const SECRET_KEY = 'of thirty-two characters or so, as asked'
/** Of processes, and not in a backup. */
const PASSING = ['node', 'command', 'migration']
const TIME = /^\d{4}-\d\d-\d\dT/
const startedMs = Date.now() - 60_000
/** Each step between two versions has tests of its own, in test/db/migrations. */
const VERSIONS = [NAMES.at(0)!, NAMES.at(3)!, NAMES.at(-2)!]

let dir: string
const databases: OldDatabase[] = []
beforeAll(async () => {
  dir = await folder()
})
afterAll(async () => {
  for (const database of databases) await database.drop()
  await removeFolder(dir)
})

async function newDatabase(): Promise<OldDatabase> {
  const database = await emptyDatabase()
  databases.push(database)
  return database
}

let folders = 0
/** What commands are given for a server on this database. */
async function settings(of: Record<string, string>): Promise<Record<string, string>> {
  const dataDir = join(dir, `data-${++folders}`)
  await mkdir(dataDir)
  return { DATA_DIR: dataDir, SECRET_KEY, ...of }
}

/** Times that a migration took from the clock are those of no version. */
async function rowsIn(database: OldDatabase): Promise<Record<string, Row[]>> {
  const { rows } = await stateOf(database)
  const kept = Object.entries(rows).filter(([table]) => !PASSING.includes(table))
  return JSON.parse(JSON.stringify(Object.fromEntries(kept)), (_, value) =>
    typeof value === 'string' && TIME.test(value) && Date.parse(value) >= startedMs ? 'of a migration' : value,
  )
}

/** As the version of that migration would have made it. */
async function oldBackup(database: OldDatabase, file: string): Promise<void> {
  const opened = await openDatabase({ databaseUrl: database.url, dataDir: '', log: silent, asIs: true })
  const end: End = { rows: {}, files: 0, gone: [], sha256: '' }
  await writeArchive(file, writer =>
    inSnapshot(opened.pool, async sql => {
      const tables = await tablesIn(sql)
      const manifest = {
        format: FORMAT,
        wataki: '0.0.1',
        made_at: '2026-01-01T00:00:00.000Z',
        migrations: await migrationsIn(sql),
        tables: Object.fromEntries(tables.map(({ name, columns }) => [name, columns])),
        files: 0,
        media: 'in the file',
        key_check: keyChecks(secretsOf(readConfig({ SECRET_KEY, DATA_DIR: dir })))[0]!,
      }
      await writer.add('manifest.json', Buffer.from(JSON.stringify(manifest)))
      for (const table of tables) {
        let lines = ''
        for await (const rows of rowsOf(sql, table)) for (const row of rows) lines += `${JSON.stringify(row)}\n`
        end.rows[table.name] = lines.split('\n').length - 1
        if (lines !== '') await writer.add(`rows/${table.name}/000001`, Buffer.from(lines))
      }
      end.sha256 = writer.sha256()
      await writer.add('end.json', Buffer.from(JSON.stringify(end)))
    }),
  ).finally(() => opened.close())
}

describe('wataki restore', () => {
  it.each(VERSIONS)('brings a backup of the version of %s to the tables of this one', async name => {
    const old = await newDatabase()
    await makeOld(old, name)
    const file = join(dir, `${name}.tar.gz`)
    await oldBackup(old, file)
    const fresh = await newDatabase()
    const env = await settings({ DATABASE_URL: fresh.url })
    expect(await jsonOf(['restore', file], { env })).toMatchObject({ restored: true })
    // As the old one is after an update.
    const updated = await openDatabase({ databaseUrl: old.url, dataDir: '', log: silent })
    await updated.close()
    const rows = await rowsIn(old)
    expect(rows.message!.length).toBeGreaterThan(0)
    expect(await rowsIn(fresh)).toEqual(rows)
    expect((await stateOf(fresh)).schema).toEqual((await stateOf(old)).schema)
  })

  it('carries every row from PostgreSQL to PGlite and back, unchanged', async () => {
    const here = await newDatabase()
    await makeOld(here, NAMES.at(-1)!)
    const rows = await rowsIn(here)
    for (const [table, held] of Object.entries(rows)) expect(held.length, table).toBeGreaterThan(0)
    const [there, back] = [join(dir, 'there.tar.gz'), join(dir, 'back.tar.gz')]
    await jsonOf(['backup', there], { env: await settings({ DATABASE_URL: here.url }) })
    const pglite = await settings({})
    await writeFile(join(pglite.DATA_DIR!, 'engine'), 'pglite\n')
    await jsonOf(['restore', there], { env: pglite })
    await jsonOf(['backup', back], { env: pglite })
    const again = await newDatabase()
    await jsonOf(['restore', back], { env: await settings({ DATABASE_URL: again.url }) })
    expect(await rowsIn(again)).toEqual(rows)
  })

  it('leaves media in their bucket, asks nothing of it, and says so', async () => {
    const account = { bucket: 'media', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG' }
    const double = await openS3Double(account)
    const bucket = {
      MEDIA_STORAGE: 's3://media/some/where',
      AWS_ENDPOINT_URL_S3: double.endpoint,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: account.accessKeyId,
      AWS_SECRET_ACCESS_KEY: account.secretAccessKey,
    }
    const here = await newDatabase()
    await makeOld(here, NAMES.at(-1)!)
    const file = join(dir, 'bucket.tar.gz')
    const made = await run(['backup', file], { env: await settings({ DATABASE_URL: here.url, ...bucket }) })
    expect(made).toMatchObject({ code: 0, err: expect.stringContaining('Media stay in media, and are not in it.') })
    expect(gunzipSync(await readFile(file)).includes('"media":"in the bucket"')).toBe(true)
    const there = await newDatabase()
    const restored = await run(['restore', file], { env: await settings({ DATABASE_URL: there.url, ...bucket }) })
    expect(restored).toMatchObject({ code: 0, err: expect.stringContaining('MEDIA_STORAGE must be the bucket') })
    expect(await rowsIn(there)).toEqual(await rowsIn(here))
    expect(double.requests.filter(({ method }) => method !== 'GET')).toEqual([])
    await double.close()
  })
})
