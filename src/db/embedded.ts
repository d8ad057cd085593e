import { chmod, chown, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { type Binaries, copyForEveryone, installedBinaries, type ProcessOwner, probe } from './binaries.ts'
import { readPostmaster } from './leftover.ts'
import { DataDirInUse, lockDataDir } from './lock.ts'
import { openPGlite } from './pglite.ts'
import { findDoor, openDoor } from './pglite-door.ts'
import { endPool, poolConfig } from './pool.ts'
import { createCluster, SUPERUSER, startServer } from './server.ts'
import { type DatabaseLog, DatabaseStartError } from './start-error.ts'

/** A way to a database: what it is, its connections, and the end of both. */
export interface Engine {
  kind: string
  pool: pg.Pool
  close(): Promise<void>
}

export interface EmbeddedOptions {
  dataDir: string
  log: DatabaseLog
  /** When a server runs on `dataDir`, connect to its database instead of refusing. */
  join?: boolean
  /** PostgreSQL settings over our own. */
  settings?: Record<string, string>
  /** Refuses PGlite, unless it is allowed in so many words. */
  production?: boolean
  allowPGlite?: boolean
}

type EngineName = 'postgresql' | 'pglite'

/** `nobody`, by its number. */
const NOBODY = { uid: 65534, gid: 65534 }
const JOIN_TIMEOUT_MS = 10_000

/** The database in `dataDir`, which until `close` belongs to this process alone. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Engine> {
  const dataDir = resolve(options.dataDir)
  await makeDataDir(dataDir)
  const lock = await lockDataDir(dataDir).catch((error: Error) => error)
  if (lock instanceof Error) {
    if (options.join && lock instanceof DataDirInUse) return joinRunning(dataDir, lock)
    throw lock
  }
  try {
    const engine = await startChosen({ ...options, dataDir })
    return { ...engine, close: () => engine.close().finally(() => lock.release()) }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function makeDataDir(dataDir: string): Promise<void> {
  try {
    const made = await mkdir(dataDir, { recursive: true, mode: 0o755 })
    // PostgreSQL, as another user, must be able to pass through; what else stands in here has modes of its own.
    if (made !== undefined) await chmod(dataDir, process.getuid?.() === 0 ? 0o711 : 0o700)
  } catch (error) {
    throw new DatabaseStartError(`cannot make DATA_DIR ${dataDir}: ${(error as Error).message}`, { cause: error })
  }
}

/** The engine is chosen once per DATA_DIR: data of one must not vanish because the other starts beside it. */
async function startChosen(given: EmbeddedOptions): Promise<Engine> {
  const { dataDir, log, settings } = given
  const clusterDir = join(dataDir, 'postgresql')
  const chosen = await chosenEngine(dataDir)
  if (chosen === 'pglite') return startPGlite(given)

  const owner = await ownerOf(clusterDir)
  const binaries = await runnableBinaries(owner, dataDir)
  if (typeof binaries === 'string') {
    if (chosen) throw new DatabaseStartError(`${dataDir} needs the embedded PostgreSQL, which cannot run: ${binaries}`)
    return choosePGlite(given, binaries)
  }
  const options = { binaries, clusterDir, owner, log, settings }
  const made = await readFile(join(clusterDir, 'PG_VERSION'), 'utf8').catch(() => null)
  if (made === null) {
    const failure = await createCluster(options).catch((error: Error) => error)
    // initdb wants a name for its user id; a container may run under a number that has none.
    if (failure && !chosen && /could not look up .*user/.test(failure.message)) {
      return choosePGlite(given, failure.message)
    }
    if (failure) throw failure
  } else if (made.trim() !== majorOf(binaries)) {
    throw new DatabaseStartError(
      `${clusterDir} was made by PostgreSQL ${made.trim()}, and this version brings ${majorOf(binaries)}: dump it with the former`,
    )
  }
  await choose(dataDir, 'postgresql')
  const server = await startServer(options)
  const pool = socketPool(server.socketDir)
  return { kind: 'embedded', pool, close: () => endPool(pool).finally(() => server.stop()) }
}

const majorOf = (binaries: Binaries): string => binaries.version.split('.')[0]!

function socketPool(socketDir: string, limits: pg.PoolConfig = {}): pg.Pool {
  const address = { host: socketDir, port: 5432, user: SUPERUSER, database: 'postgres', ssl: false }
  return new pg.Pool({ ...poolConfig(address), ...limits })
}

/** PostgreSQL refuses to run as root: then it runs as whoever owns its folder, or as nobody. */
async function ownerOf(clusterDir: string): Promise<ProcessOwner> {
  if (process.getuid?.() !== 0) return {}
  const stats = await stat(clusterDir).catch(() => null)
  if (stats && stats.uid !== 0) return { uid: stats.uid, gid: stats.gid }
  // Root's own only after a copy or a restore made by root.
  if (stats) await giveAway(clusterDir)
  return NOBODY
}

async function giveAway(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() || entry.isDirectory()) await chown(join(entry.parentPath, entry.name), NOBODY.uid, NOBODY.gid)
  }
  await chown(dir, NOBODY.uid, NOBODY.gid)
}

/** PostgreSQL's programs, in a place where `owner` can run them; otherwise the reason why not. */
async function runnableBinaries(owner: ProcessOwner, dataDir: string): Promise<Binaries | string> {
  const installed = await installedBinaries()
  if (!installed) return `npm installed no PostgreSQL for ${process.platform}-${process.arch}`
  const inPlace = await probe(installed, owner, dataDir)
  if (inPlace.kind === 'runs') return installed
  const closed = `the folder ${dataDir} may not be entered by the user that PostgreSQL runs as (root may not run it)`
  if (inPlace.kind === 'folder_closed') return closed
  const asOurselves = owner.uid === undefined ? inPlace : await probe(installed, {}, dataDir)
  // It runs, but not for `owner`: something on the way to it is closed to other users.
  if (asOurselves.kind === 'runs') {
    const copy = await copyForEveryone(installed)
    if (copy && (await probe(copy, owner, dataDir)).kind === 'runs') return copy
  }
  return `its programs do not run here: ${inPlace.reason}`
}

async function chosenEngine(dataDir: string): Promise<EngineName | null> {
  const text = (await readFile(join(dataDir, 'engine'), 'utf8').catch(() => '')).trim()
  if (text === 'postgresql' || text === 'pglite') return text
  const exists = (name: string) => stat(join(dataDir, name)).catch(() => null)
  if (await exists('postgresql')) return 'postgresql'
  return (await exists('pglite')) ? 'pglite' : null
}

async function choose(dataDir: string, engine: EngineName): Promise<void> {
  if ((await readFile(join(dataDir, 'engine'), 'utf8').catch(() => '')).trim() === engine) return
  await writeFile(join(dataDir, 'engine.new'), `${engine}\n`)
  await rename(join(dataDir, 'engine.new'), join(dataDir, 'engine'))
}

async function choosePGlite(options: EmbeddedOptions, reason: string): Promise<Engine> {
  assertAllowed(options)
  const { dataDir, log } = options
  log.warn({ reason }, 'the embedded PostgreSQL cannot be used for this DATA_DIR; PGlite is, from now on')
  await choose(dataDir, 'pglite')
  return startPGlite(options)
}

function assertAllowed({ production, allowPGlite }: EmbeddedOptions): void {
  if (!production || allowPGlite) return
  throw new DatabaseStartError(
    'only PGlite can run here, which a power failure may rob of what was acknowledged: set DATABASE_URL, or ALLOW_PGLITE=true to accept that in production',
  )
}

async function startPGlite(options: EmbeddedOptions): Promise<Engine> {
  assertAllowed(options)
  const { dataDir, log } = options
  const limit = 'the database is PGlite, which never syncs to disk: a killed process loses nothing, a power failure may'
  log.warn({}, `${limit}. Set DATABASE_URL for data that matters`)
  const pglite = await openPGlite(join(dataDir, 'pglite'))
  const door = await openDoor({ dataDir, ...pglite }).catch((error: Error) => {
    log.warn({ error: error.message }, 'commands of the operator must wait until the server is stopped: no socket')
  })
  return {
    kind: 'PGlite',
    pool: pglite.pool,
    close: () => Promise.resolve(door?.close()).finally(() => pglite.close()),
  }
}

/** For a command beside a running server, whose database takes connections of its own user and of root. */
async function joinRunning(dataDir: string, inUse: DataDirInUse): Promise<Engine> {
  for (let waitedMs = 0; waitedMs < JOIN_TIMEOUT_MS; waitedMs += 50) {
    const isPGlite = (await chosenEngine(dataDir)) === 'pglite'
    const socketDir = await (isPGlite ? findDoor(dataDir) : readySocketDir(dataDir))
    if (socketDir) {
      // PGlite's one session is the server's, too: given back after each query or transaction.
      const pool = socketPool(socketDir, isPGlite ? { max: 1, maxUses: 1 } : {})
      return { kind: `${isPGlite ? 'PGlite' : 'embedded'}, joined`, pool, close: () => endPool(pool) }
    }
    await sleep(50)
  }
  throw inUse
}

async function readySocketDir(dataDir: string): Promise<string | null> {
  const postmaster = await readPostmaster(join(dataDir, 'postgresql'))
  return postmaster?.isReady ? postmaster.socketDir : null
}
