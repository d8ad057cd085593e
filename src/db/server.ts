import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chown, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { systemClock } from '../clock.ts'
import { type Binaries, libraryPath, type ProcessOwner } from './binaries.ts'
import { endLeftover } from './leftover.ts'
import { fitsSocket, makeRunDir, removeRunDir } from './socket-dir.ts'
import { type DatabaseLog, DatabaseStartError } from './start-error.ts'

export interface ServerOptions {
  binaries: Binaries
  /** PostgreSQL's own folder: ours to create, its to fill. */
  clusterDir: string
  owner: ProcessOwner
  log: DatabaseLog
  /** Over our own. */
  settings?: Record<string, string>
}

/** A PostgreSQL that listens on a unix socket and lives no longer than this process. */
export interface Server {
  socketDir: string
  stop(): Promise<void>
}

export const SUPERUSER = 'postgres'

/** A crash recovery reads the log since the last checkpoint: at most some hundred megabytes. */
const START_TIMEOUT_MS = 120_000
/** Longer than a statement may run: without a postmaster a busy session notices nothing but its own time limit. */
const LEFTOVER_TIMEOUT_MS = 45_000
const STOP_TIMEOUT_MS = 15_000

const SETTINGS = {
  listen_addresses: '',
  unix_socket_permissions: '0700',
  // Of four servers, with 23 each.
  max_connections: '100',
  superuser_reserved_connections: '0',
  shared_buffers: '96MB',
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  max_wal_size: '512MB',
  checkpoint_timeout: '15min',
  wal_level: 'minimal',
  max_wal_senders: '0',
  // Fewer processes and no use of /dev/shm, of which a container has little.
  max_logical_replication_workers: '0',
  max_parallel_workers_per_gather: '0',
  io_method: 'sync',
  jit: 'off',
  huge_pages: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  lc_messages: 'C',
  log_line_prefix: '',
  log_checkpoints: 'off',
  // Errors of statements are told to the caller; with their data they have no place in a log.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
}

/**
 * The shell holds our pipe: end of file there means this process is gone, however it went, and PostgreSQL is told
 * to shut down. The reader is a process of its own so that the shell also notices PostgreSQL's own end.
 */
const WATCHDOG = `exec 3<&0
"$0" "$@" 3<&- </dev/null & pg=$!
(while read -r _; do :; done; kill -INT $pg) <&3 >/dev/null 2>&1 & reader=$!
exec 3<&- </dev/null
wait $pg; code=$?
kill $reader
exit $code`

/** Makes the cluster under another name first, so that a half-made one is never taken for a whole one. */
export async function createCluster({ binaries, clusterDir, owner }: ServerOptions): Promise<void> {
  const draft = `${clusterDir}.new`
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  if (owner.uid !== undefined) await chown(draft, owner.uid, owner.gid!)
  const args = ['-D', draft, '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-instructions']
  const provider = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const options = { ...owner, cwd: '/', env: libraryPath(binaries), timeout: START_TIMEOUT_MS }
  await promisify(execFile)(join(binaries.dir, 'bin', 'initdb'), [...args, ...provider], options).catch(async error => {
    await rm(draft, { recursive: true, force: true })
    throw new DatabaseStartError(`PostgreSQL could not make ${clusterDir}: ${lastLine(error.stderr || error.message)}`)
  })
  await rename(draft, clusterDir)
}

export async function startServer(options: ServerOptions): Promise<Server> {
  const { clusterDir, owner, log } = options
  await removeRunDir(await endLeftover(clusterDir, log))
  const socketDir = fitsSocket(clusterDir) ? clusterDir : await makeRunDir(owner)
  let child = await launchWhenFree(options, socketDir)
  let isStopping = false

  // PostgreSQL mends crashes of its sessions itself; this is for the end of the whole server.
  const revive = async (): Promise<void> => {
    for (let waitMs = 200; !isStopping; waitMs = Math.min(waitMs * 2, 30_000)) {
      try {
        await endLeftover(clusterDir, log)
        child = await launchWhenFree(options, socketDir)
        if (isStopping) await end(child)
        else child.once('exit', onExit)
        return
      } catch (error) {
        log.warn({ error: (error as Error).message }, 'the embedded PostgreSQL does not start again')
        await sleep(waitMs, undefined, { ref: false })
      }
    }
  }
  const onExit = (code: number | null): void => {
    if (isStopping) return
    log.warn({ code }, 'the embedded PostgreSQL ended by itself and is started again')
    void revive()
  }
  child.once('exit', onExit)

  return {
    socketDir,
    async stop() {
      isStopping = true
      await end(child)
      if (socketDir !== clusterDir) await removeRunDir(socketDir)
    },
  }
}

/** After a SIGKILL of the postmaster its sessions may live a moment longer; PostgreSQL refuses to start beside them. */
async function launchWhenFree(options: ServerOptions, socketDir: string): Promise<ChildProcess> {
  const startedMs = systemClock.nowMs()
  for (;;) {
    try {
      return await launch(options, socketDir)
    } catch (error) {
      const isOccupied = /shared memory block|is already in use|lock file/.test((error as Error).message)
      if (!isOccupied || systemClock.nowMs() - startedMs > LEFTOVER_TIMEOUT_MS) throw error
      options.log.debug({ error: (error as Error).message }, 'waiting for what is left of an earlier PostgreSQL')
      await sleep(100)
    }
  }
}

function launch(
  { binaries, clusterDir, owner, log, ...more }: ServerOptions,
  socketDir: string,
): Promise<ChildProcess> {
  const settings = { ...SETTINGS, ...more.settings, unix_socket_directories: socketDir }
  const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const child = spawn('/bin/sh', ['-c', WATCHDOG, join(binaries.dir, 'bin', 'postgres'), '-D', clusterDir, ...args], {
    ...owner,
    cwd: '/',
    env: libraryPath(binaries),
    stdio: ['pipe', 'ignore', 'pipe'],
    // A process group of its own: Ctrl-C in a terminal reaches us only, and we stop PostgreSQL last.
    detached: true,
  })
  child.stdin!.on('error', () => {})
  return new Promise((resolve, reject) => {
    let fatal = 'it ended without a word'
    const fail = (reason: string): void => {
      clearTimeout(timer)
      reject(new DatabaseStartError(`PostgreSQL does not start in ${clusterDir}: ${reason}`))
    }
    const timer = setTimeout(() => {
      void end(child)
      fail(`not ready after ${START_TIMEOUT_MS / 1000} s`)
    }, START_TIMEOUT_MS)
    child.once('error', error => fail(error.message))
    child.once('exit', () => fail(fatal))
    createInterface({ input: child.stderr! }).on('line', line => {
      const isBad = /^(FATAL|PANIC):/.test(line)
      if (isBad) fatal = line.replace(/^\w+:\s+/, '')
      log[isBad ? 'warn' : 'debug']({ postgres: line }, 'embedded PostgreSQL')
      if (!line.includes('database system is ready to accept connections')) return
      clearTimeout(timer)
      child.removeAllListeners('exit')
      resolve(child)
    })
  })
}

/** Fast shutdown: sessions are cut, what they committed is on disk, and the next start needs no recovery. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
  child.stdin!.end()
  const isGone = await Promise.race([gone.then(() => true), sleep(STOP_TIMEOUT_MS, false, { ref: false })])
  if (isGone) return
  for (const signal of ['SIGQUIT', 'SIGKILL'] as const) {
    try {
      process.kill(-child.pid!, signal)
    } catch {}
    if (await Promise.race([gone.then(() => true), sleep(3_000, false, { ref: false })])) return
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
