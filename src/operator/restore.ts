import { existsSync } from 'node:fs'
import { chown, readdir, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { say, show } from '../cli/output.ts'
import { during } from '../cli/progress.ts'
import { Trouble } from '../cli/trouble.ts'
import { type Config, readConfig } from '../config.ts'
import { type Table, tablesIn } from '../db/dump.ts'
import { filledTables, insertRows, loading } from '../db/load.ts'
import { MIGRATION_OPTIONS, migrate } from '../db/migrate.ts'
import { type Database, openDatabase } from '../db/open.ts'
import type { Sql } from '../db/sql.ts'
import { secretsOf } from '../secrets.ts'
import { openStorage } from '../storage/open.ts'
import type { Storage } from '../storage/storage.ts'
import { bytesOf, End, type Entry, FORMAT, keyChecks, Manifest, readArchive } from './archive.ts'
import { silentLog } from './operate.ts'

interface RestoreOptions {
  json?: boolean
  check?: boolean
  otherKey?: boolean
}

type Tell = (doing: string) => void

/** An empty server gets all of a backup, or nothing of it. */
export async function restore(file: string, options: RestoreOptions): Promise<void> {
  const path = resolve(file)
  const config = readConfig()
  const { manifest, end } = await during(options, 'Reading the backup', tell => readThrough(path, tell))
  if (!options.otherKey) assertKey(config, manifest)
  if (!options.check) await during(options, 'Opening the database', tell => fill(config, { path, manifest }, tell))
  const rows = Object.values(end.rows).reduce((sum, count) => sum + count, 0)
  const value = {
    file: path,
    restored: !options.check,
    made_at: manifest.made_at,
    rows,
    files: end.files,
    gone: end.gone,
  }
  const done = options.check ? 'is whole and can be restored with this key' : 'is restored'
  show(options.json, value, () => `${path} ${done}: ${rows} rows and ${end.files} files, as of ${manifest.made_at}.`)
  if (options.json) return
  if (end.gone.length > 0)
    say(`${end.gone.length} files had been deleted while the backup was made, and are not there.`)
  if (manifest.media === 'in the bucket')
    say('Media are not in it: MEDIA_STORAGE must be the bucket of the backed up server, or a copy.')
  if (options.check) return
  say('Never start the server that was backed up again: one of the two would take the phones from the other.')
  if (options.otherKey) say('What was sealed with the other SECRET_KEY cannot be read: link each phone again.')
}

/** The whole file once, before anything is changed. */
async function readThrough(path: string, tell: Tell): Promise<{ manifest: Manifest; end: End }> {
  let manifest: Manifest | undefined
  let end: End | undefined
  let [entries, files] = [0, 0]
  for await (const entry of readArchive(path)) {
    if (++entries % 20 === 0) tell(`Checking the backup: ${entries} parts`)
    if (entries === 1) manifest = await manifestIn(path, entry)
    else if (entry.name === 'end.json') end = await endIn(path, entry)
    else for await (const _ of entry.bytes);
    files += Number(entry.name.startsWith('files/'))
  }
  if (!manifest || !end || end.files !== files) throw new Trouble(`${path} is not whole: its end is missing`)
  return { manifest, end }
}

async function manifestIn(path: string, entry: Entry): Promise<Manifest> {
  const text = entry.name === 'manifest.json' ? (await bytesOf(entry)).toString() : 'null'
  const said = JSON.parse(text)
  if (said?.format > FORMAT) throw newer(said.wataki)
  const parsed = Manifest.safeParse(said)
  if (!parsed.success) throw new Trouble(`${path} is no backup of Wataki's`)
  const known = MIGRATION_OPTIONS.migrationsList.map(migration => migration.name)
  if (!parsed.data.migrations.every((name, i) => name === known[i])) throw newer(parsed.data.wataki)
  return parsed.data
}

const newer = (version: string) =>
  new Trouble(`the backup is of Wataki ${version}, which is newer than this: update first`)

async function endIn(path: string, entry: Entry): Promise<End> {
  const end = End.parse(JSON.parse((await bytesOf(entry)).toString()))
  if (end.sha256 !== entry.sha256Before) throw new Trouble(`${path} is damaged: it is not what was written`)
  return end
}

/** Nothing is made up: a key that a new server would make for itself opens nothing of another one. */
function assertKey(config: Config, manifest: Manifest): void {
  const path = join(config.dataDir, 'secret.key')
  const has = config.secretKey !== null || existsSync(path)
  if (has && keyChecks(secretsOf(config)).includes(manifest.key_check)) return
  const what = has ? 'SECRET_KEY is not the one of the backed up server' : 'there is no SECRET_KEY'
  const how = `set SECRET_KEY_FILE to its key (its own was in DATA_DIR/secret.key), or copy that to ${path}`
  throw new Trouble(`${what}, and every phone would have to be linked again: ${how}. --other-key does without`, {
    code: 'other_key',
  })
}

async function fill(config: Config, from: { path: string; manifest: Manifest }, tell: Tell): Promise<void> {
  const db = await openDatabase({ ...config, log: silentLog(), asIs: true })
  try {
    await assertEmpty(db.sql)
    await migrate(db.orm, db.pool, from.manifest.migrations.at(-1)!)
    const storage = await openStorage({ bucket: config.mediaBucket, folder: join(config.dataDir, 'media') })
    const put: string[] = []
    try {
      await loading(db.pool, sql => fillAll(sql, { ...from, storage, put }, tell))
    } catch (error) {
      for (const key of put) await storage.delete(key).catch(() => {})
      throw error
    } finally {
      await storage.close()
    }
    await migrateOn(db, tell)
    if (!config.mediaBucket) await giveToOwner(config.dataDir)
  } finally {
    await db.close()
  }
}

async function migrateOn(db: Database, tell: Tell): Promise<void> {
  tell('Bringing the tables up to this version')
  await migrate(db.orm, db.pool)
}

async function assertEmpty(sql: Sql): Promise<void> {
  const filled = await filledTables(sql)
  if (filled.includes('node')) {
    throw new Trouble('a server runs on this database, or was killed there: stop it, and give restore a new database', {
      code: 'not_empty',
    })
  }
  if (filled.length > 0) {
    throw new Trouble(
      `the database is not empty (${filled.join(', ')}): give restore a new one, as it overwrites nothing`,
      {
        code: 'not_empty',
      },
    )
  }
}

interface Filling {
  path: string
  manifest: Manifest
  storage: Storage
  /** Keys of files that are there by now. */
  put: string[]
}

async function fillAll(sql: Sql, { path, manifest, storage, put }: Filling, tell: Tell): Promise<void> {
  await assertEmpty(sql)
  const tables = new Map((await tablesIn(sql)).map(table => [table.name, table]))
  for (const [name, columns] of Object.entries(manifest.tables)) {
    if (tables.get(name)?.columns.join() !== columns.join()) {
      throw new Trouble(`the table ${name} is not as in the backup: give restore a database that was never used`)
    }
  }
  for await (const entry of readArchive(path)) {
    const [kind, ...rest] = entry.name.split('/')
    if (kind === 'rows') {
      tell(`Rows of ${rest[0]}`)
      await insertRows(sql, tables.get(rest[0]!) as Table, linesOf(await bytesOf(entry)))
    } else if (kind === 'files') {
      if (put.length % 20 === 0) tell(`Files: ${put.length} of ${manifest.files}`)
      const key = rest.join('/')
      put.push(key)
      await storage.put(key, entry.bytes, { sizeBytes: entry.sizeBytes, mimeType: 'application/octet-stream' })
    } else await bytesOf(entry)
  }
  tell('Checking what refers to what')
}

const linesOf = (bytes: Buffer): string[] =>
  bytes
    .toString()
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as string)

/** Restored by root for a server that runs as somebody else: the files are of who has the folder. */
async function giveToOwner(dataDir: string): Promise<void> {
  const { uid, gid } = await stat(dataDir)
  const media = join(dataDir, 'media')
  if (process.getuid?.() !== 0 || uid === 0 || !existsSync(media)) return
  await chown(media, uid, gid)
  for (const entry of await readdir(media, { recursive: true, withFileTypes: true })) {
    await chown(join(entry.parentPath, entry.name), uid, gid)
  }
}
