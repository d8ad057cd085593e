import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { testDatabase } from '../support/database.ts'
import { folder, removeFolder, silent } from './processes.ts'

/** A database on each of the two engines: what holds on one has to hold on the other. */

export interface Opened {
  database: Database
  end(): Promise<void>
}

async function openPostgres(): Promise<Opened> {
  const own = await testDatabase()
  const database = await openDatabase({ databaseUrl: own.url, dataDir: '', log: silent })
  return { database, end: () => database.close().then(own.drop) }
}

async function openPGlite(): Promise<Opened> {
  const dataDir = await folder()
  await writeFile(join(dataDir, 'engine'), 'pglite\n')
  const database = await openDatabase({ dataDir, log: silent })
  return { database, end: () => database.close().then(() => removeFolder(dataDir)) }
}

export const ENGINES = [
  ['PostgreSQL', openPostgres],
  ['PGlite', openPGlite],
] as const
