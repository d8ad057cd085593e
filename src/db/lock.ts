import { readFile, rename, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseStartError } from './start-error.ts'

export interface Lock {
  release(): void
}

/** Long enough for a command of the operator to finish, short enough for a second server to be told at once. */
const PATIENCE_MS = 500

// A DatabaseSync that is collected as garbage would let the lock go.
const held = new Set<DatabaseSync>()

/**
 * Makes this process the only one on `dataDir`. The kernel holds the lock (SQLite's on an empty file: fcntl),
 * so it ends with its process however that ends, is never taken from a holder that is merely stuck, and is
 * seen across containers that share the folder. The pid in the file beside it is only for the message.
 */
export async function lockDataDir(dataDir: string): Promise<Lock> {
  const path = join(dataDir, 'lock')
  let database = tryLock(path)
  for (let waitedMs = 0; database === null && waitedMs < PATIENCE_MS; waitedMs += 50) {
    await sleep(50)
    database = tryLock(path)
  }
  if (database === null) throw new DataDirInUse(dataDir, await holderOf(dataDir))
  const mine = database
  held.add(mine)
  await writeHolder(dataDir)
  return {
    release() {
      if (held.delete(mine)) mine.close()
    },
  }
}

export class DataDirInUse extends DatabaseStartError {
  constructor(dataDir: string, holder: string) {
    super(`${dataDir} is in use by another Wataki, ${holder}: stop it first, or give this one another DATA_DIR`)
    this.name = 'DataDirInUse'
  }
}

function tryLock(path: string): DatabaseSync | null {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { timeout: 0 })
    database.exec('begin exclusive')
    return database
  } catch (error) {
    database?.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return null
    throw new DatabaseStartError(`cannot lock ${path}: ${(error as Error).message}`, { cause: error })
  }
}

const SQLITE_BUSY = 5

async function writeHolder(dataDir: string): Promise<void> {
  const draft = join(dataDir, `lock.holder.${process.pid}`)
  await writeFile(draft, `pid ${process.pid} on ${hostname()}\n`)
  await rename(draft, join(dataDir, 'lock.holder'))
}

async function holderOf(dataDir: string): Promise<string> {
  const text = await readFile(join(dataDir, 'lock.holder'), 'utf8').catch(() => '')
  return /^pid \d+ on \S+$/.test(text.trim()) ? text.trim() : 'which has not yet said its pid'
}
