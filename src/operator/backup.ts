import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { say, show } from '../cli/output.ts'
import { during } from '../cli/progress.ts'
import { Trouble, Usage } from '../cli/trouble.ts'
import { type Config, readConfig } from '../config.ts'
import { filesIn, inSnapshot, migrationsIn, rowsOf, type StoredFile, type Table, tablesIn } from '../db/dump.ts'
import type { Sql } from '../db/sql.ts'
import { secretsOf } from '../secrets.ts'
import { openStorage } from '../storage/open.ts'
import type { Storage } from '../storage/storage.ts'
import { type End, FORMAT, keyChecks, type Manifest, type Writer, writeArchive } from './archive.ts'
import { operating } from './operate.ts'

/** Database and files as of one moment, in one file. The server may go on meanwhile. */
export async function backup(file: string, options: { json?: boolean }): Promise<void> {
  const path = resolve(file)
  if (existsSync(path)) throw new Usage(`${path} is there already: a backup overwrites nothing`)
  const config = readConfig()
  if (config.secretKey === null && !existsSync(join(config.dataDir, 'secret.key'))) {
    throw new Trouble(`no server has run here: ${config.dataDir} has no secret.key, and SECRET_KEY is not set`)
  }
  const end = await during(options, 'Opening the database', tell => write(config, path, tell))
  const { size } = await stat(path)
  const rows = Object.values(end.rows).reduce((sum, count) => sum + count, 0)
  const value = { file: path, size_bytes: size, rows, files: end.files, secret_key: 'not in the file' }
  show(options.json, value, () => `${path}: ${rows} rows and ${end.files} files, ${Math.ceil(size / 1024)} kB.`)
  if (options.json) return
  say(
    `The key that opens what is encrypted in it (${keyPlace(config)}) is not in it. Keep that elsewhere, and safe: without it`,
  )
  say(
    'every phone has to be linked again. The file holds messages and sealed sessions: who has both can write as your phones.',
  )
  if (config.mediaBucket) say(`Media stay in ${config.mediaBucket.bucket}, and are not in it.`)
  say('What the sandbox simulates is not in it, as WhatsApp is not.')
}

const keyPlace = ({ secretKey, dataDir }: Config): string => (secretKey ? 'SECRET_KEY' : join(dataDir, 'secret.key'))

async function write(config: Config, path: string, tell: (doing: string) => void): Promise<End> {
  const end: End = { rows: {}, files: 0, gone: [], sha256: '' }
  await operating(async ({ db, clock }) => {
    await writeArchive(path, async writer => {
      const files = await inSnapshot(db.pool, async sql => {
        const tables = await tablesIn(sql)
        const stored = config.mediaBucket ? [] : await filesIn(sql)
        const manifest: Manifest = {
          format: FORMAT,
          wataki: config.version,
          made_at: clock.now().toISOString(),
          migrations: await migrationsIn(sql),
          tables: Object.fromEntries(tables.map(({ name, columns }) => [name, columns])),
          files: stored.length,
          media: config.mediaBucket ? 'in the bucket' : 'in the file',
          key_check: keyChecks(secretsOf(config))[0]!,
        }
        await writer.add('manifest.json', json(manifest))
        for (const table of tables) {
          tell(`Rows of ${table.name}`)
          end.rows[table.name] = await writeRows(writer, sql, table)
        }
        return stored
      })
      const storage = await openStorage({ bucket: config.mediaBucket, folder: join(config.dataDir, 'media') })
      try {
        for (const [i, each] of files.entries()) {
          if (i % 20 === 0) tell(`Files: ${i} of ${files.length}`)
          if (await writeFile(writer, storage, each)) end.files++
          else end.gone.push(each.key)
        }
      } finally {
        await storage.close()
      }
      end.sha256 = writer.sha256()
      await writer.add('end.json', json(end))
    })
  }, config)
  return end
}

const json = (value: object): Buffer => Buffer.from(JSON.stringify(value))

const PART_BYTES = 8 * 1024 * 1024

async function writeRows(writer: Writer, sql: Sql, table: Table): Promise<number> {
  let [count, part] = [0, 0]
  const write = (lines: string) =>
    writer.add(`rows/${table.name}/${String(++part).padStart(6, '0')}`, Buffer.from(lines))
  for await (const rows of rowsOf(sql, table)) {
    let lines = ''
    for (const row of rows) {
      lines += `${JSON.stringify(row)}\n`
      if (lines.length < PART_BYTES) continue
      await write(lines)
      lines = ''
    }
    if (lines !== '') await write(lines)
    count += rows.length
  }
  return count
}

/** False: it was deleted since the moment of the backup. */
async function writeFile(writer: Writer, storage: Storage, { key, sizeBytes }: StoredFile): Promise<boolean> {
  const bytes = await storage.open(key)
  if (!bytes) return false
  await writer.addFile(`files/${key}`, sizeBytes, bytes).catch((error: Error) => {
    throw new Trouble(`the file ${key} cannot be read whole (${error.message})`)
  })
  return true
}
