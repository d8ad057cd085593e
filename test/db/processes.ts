import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

export const silent = { debug() {}, info() {}, warn() {} }

/** A folder that every user may pass through, as PostgreSQL does under another name than root. */
export async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'wataki-db-'))
  await chmod(dir, 0o711)
  return dir
}

export const removeFolder = (dir: string): Promise<void> => rm(dir, { recursive: true, force: true, maxRetries: 10 })

export type Line = Record<string, never> & {
  ready?: string
  acked?: string
  refused?: string
  name?: string
  tookMs: number
  warnings?: string[]
}

export interface Holder {
  pid: number
  first: Line
  lines: Line[]
  /** The first line after which this holds, within 10 s. */
  until(holds: () => boolean): Promise<void>
  exit: Promise<number | null>
  kill(signal: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()

export async function holder(dataDir: string, mode: string): Promise<Holder> {
  const script = join(import.meta.dirname, 'holder.ts')
  const child = spawn(process.execPath, [script, dataDir, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
    execArgv: [],
  } as object)
  running.add(child)
  const exit = once(child, 'exit').then(([code]) => {
    running.delete(child)
    return code as number | null
  })
  const lines: Line[] = []
  createInterface({ input: child.stdout! }).on('line', line => lines.push(JSON.parse(line)))
  const until = (holds: () => boolean) => eventually(async () => holds())
  await Promise.race([until(() => lines.length > 0), exit.then(() => sleep(50))])
  return {
    pid: child.pid!,
    first: lines[0]!,
    lines,
    until,
    exit,
    async kill(signal) {
      child.kill(signal)
      await exit
    },
  }
}

export async function endHolders(): Promise<void> {
  await Promise.all(
    [...running].map(async child => {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }),
  )
}

export async function eventually(holds: () => Promise<boolean>, limitMs = 45_000): Promise<void> {
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += 10) {
    if (await holds()) return
    await sleep(10)
  }
  throw new Error(`did not come true within ${limitMs} ms: ${holds}`)
}

export async function postmasterPid(dataDir: string): Promise<number> {
  return Number((await readFile(join(dataDir, 'postgresql', 'postmaster.pid'), 'utf8')).split('\n', 1)[0])
}

export async function isAlive(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  if (status !== null) return !/\) [ZX] /.test(status)
  if (process.platform === 'linux') return false
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
