import { execFile } from 'node:child_process'
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { systemClock } from '../clock.ts'
import { type DatabaseLog, DatabaseStartError } from './start-error.ts'

/** What PostgreSQL says about itself in `postmaster.pid`. */
export interface Postmaster {
  pid: number
  socketDir: string | null
  isReady: boolean
}

export async function readPostmaster(clusterDir: string): Promise<Postmaster | null> {
  const text = await readFile(join(clusterDir, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n').map(line => line.trim())
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return null
  return { pid, socketDir: lines[4] || null, isReady: lines[7] === 'ready' }
}

/** An earlier server's watchdog gets this long before we do its work. */
const WATCHDOG_MS = 3_000
const QUIT_MS = 30_000
const LIMIT_MS = 60_000

const PID_FILES = ['postmaster.pid', '.s.PGSQL.5432.lock', '.s.PGSQL.5432']

/**
 * Called with the lock on DATA_DIR held, so a server that still runs here has lost the process it belonged to and
 * is on its way out. Waits for its end; returns the socket folder that it used. Its pid files are removed: in a
 * restarted container the same pid is another process, beside which PostgreSQL alone would refuse to start.
 */
export async function endLeftover(clusterDir: string, log: DatabaseLog): Promise<string | null> {
  const postmaster = await readPostmaster(clusterDir)
  if (postmaster) await waitForEnd(clusterDir, postmaster, log)
  for (const file of PID_FILES) await rm(join(clusterDir, file), { force: true })
  return postmaster?.socketDir ?? null
}

async function waitForEnd(clusterDir: string, postmaster: Postmaster, log: DatabaseLog): Promise<void> {
  const startedMs = systemClock.nowMs()
  const signals: [number, NodeJS.Signals][] = [
    [WATCHDOG_MS, 'SIGINT'],
    [QUIT_MS, 'SIGQUIT'],
  ]
  while (await runsIn(clusterDir, postmaster.pid)) {
    const waitedMs = systemClock.nowMs() - startedMs
    if (waitedMs > LIMIT_MS) {
      throw new DatabaseStartError(`an earlier PostgreSQL (pid ${postmaster.pid}) still runs in ${clusterDir}`)
    }
    if (signals[0] && waitedMs > signals[0][0]) {
      const [, signal] = signals.shift()!
      log.warn({ pid: postmaster.pid, signal }, 'ending an earlier PostgreSQL that was left behind')
      process.kill(postmaster.pid, signal)
    }
    await sleep(20)
  }
}

/** PostgreSQL's working directory is its cluster. */
async function runsIn(clusterDir: string, pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-p', String(pid), '-o', 'command=']).catch(() => ({
      stdout: '',
    }))
    return stdout.includes('postgres')
  }
  const [there, here] = await Promise.all([stat(`/proc/${pid}/cwd`).catch(() => null), stat(clusterDir)])
  return there !== null && there.dev === here.dev && there.ino === here.ino
}
