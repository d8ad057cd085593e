/**
 * Servers and sandboxes as processes of their own, as an operator runs them. What is started here is ended here,
 * by its pid: nothing outlives the test file, however that ends.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { chmod, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { freePort } from '../support/free-port.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const READY_MS = 60_000

export type Environment = Record<string, string>

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** A folder that every user may pass through, as PostgreSQL does under another name than root. */
export async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'wataki-crash-'))
  await chmod(dir, 0o755)
  return dir
}

export const removeFolder = (dir: string): Promise<void> => rm(dir, { recursive: true, force: true, maxRetries: 10 })

/** The first time that `holds`, bounded; a rejection counts as no. */
export async function until(holds: () => unknown, what: string, limitMs = 20_000): Promise<void> {
  const endMs = performance.now() + limitMs
  let reason: unknown = ''
  do {
    try {
      if (await holds()) return
      reason = ''
    } catch (error) {
      reason = `: ${error}`
    }
    await sleep(20)
  } while (performance.now() < endMs)
  throw new Error(`not within ${limitMs} ms: ${what}${reason}`)
}

export interface Running {
  cwd: string
  log: string
  env: Environment
  words?: string[]
  /** A module of the project that is loaded first, and can be talked to. */
  preload?: string | null
  /** Where the program stands, when it is not this project. */
  root?: string
}

/** Runs a program of the project; its output goes to `log`, nothing of our own settings comes along. */
function run(program: string, at: Running): ChildProcess {
  const { PATH = '', HOME = '', TMPDIR = '' } = process.env
  const log = openSync(at.log, 'a')
  const before = at.preload ? ['--import', pathToFileURL(join(ROOT, at.preload)).href] : []
  const child = spawn(process.execPath, [...before, join(at.root ?? ROOT, program), ...(at.words ?? [])], {
    cwd: at.cwd,
    env: { PATH, HOME, ...(TMPDIR && { TMPDIR }), ...at.env },
    stdio: ['ignore', log, log, ...(at.preload ? ['ipc' as const] : [])],
  })
  closeSync(log)
  running.add(child)
  child.once('exit', () => running.delete(child))
  return child
}

/** Runs it to its end, and tells what that was: the exit code, or the signal that ended it. */
export async function runToEnd(program: string, at: Running): Promise<number | NodeJS.Signals> {
  const [code, signal] = await once(run(program, at), 'exit')
  return code ?? signal
}

const isRunning = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null

async function end(child: ChildProcess | null, signal: NodeJS.Signals): Promise<number | null> {
  if (!child || !isRunning(child)) return child?.exitCode ?? null
  const exit = once(child, 'exit')
  child.kill(signal)
  const [code] = await exit
  return code as number | null
}

interface Program extends Pick<Running, 'preload' | 'root'> {
  /** Of its log. */
  name?: string
}

export class Server {
  readonly dataDir: string
  readonly log: string
  url = ''
  /** From the start of the process to the first ready answer, of each start that came so far. */
  readonly readyMs: number[] = []
  readonly #env: Environment
  readonly #program: Program
  #child: ChildProcess | null = null
  #isReady = false
  #isFrozen = false

  constructor(dir: string, env: Environment, program: Program = {}) {
    this.dataDir = join(dir, 'data')
    this.log = join(dir, `${program.name ?? 'server'}.log`)
    this.#env = env
    this.#program = program
  }

  /** Null: its own, in `dataDir`. */
  get databaseUrl(): string | null {
    return this.#env.DATABASE_URL ?? null
  }

  /** Ready, as far as is known here. */
  get isUp(): boolean {
    return this.#isReady && !this.#isFrozen && this.#child !== null && isRunning(this.#child)
  }

  /** As a machine does that is out of memory, or a debugger: it is there, and does nothing. */
  freeze(): void {
    this.#isFrozen = true
    this.#child!.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child!.kill('SIGCONT')
    this.#isFrozen = false
  }

  get pid(): number {
    return this.#child!.pid!
  }

  /** Resolves when it is ready; rejects when it ended before. `once` is set for this start only. */
  async start(once: Environment = {}): Promise<void> {
    const port = await freePort()
    const startedMs = performance.now()
    const env = {
      SANDBOX: 'off',
      LOG_LEVEL: 'debug',
      RATE_LIMIT_PER_MINUTE: '1000000',
      ...this.#env,
      ...once,
      DATA_DIR: this.dataDir,
      PORT: String(port),
    }
    const child = run('src/main.ts', { cwd: join(this.dataDir, '..'), log: this.log, env, ...this.#program })
    this.#child = child
    this.#isReady = false
    this.#isFrozen = false
    this.url = `http://127.0.0.1:${port}`
    const isReady = async () => !isRunning(child) || (await fetch(`${this.url}/readyz`)).ok
    await until(isReady, 'the server is ready', READY_MS)
    if (!isRunning(child)) throw new Error(`the server ended while it started:\n${tail(this.log)}`)
    this.#isReady = true
    this.readyMs.push(performance.now() - startedMs)
  }

  /** Tells the preloaded module what to do from now on; resolves when it will. */
  async arm(directives: string): Promise<void> {
    const child = this.#child!
    const armed = once(child, 'message')
    child.send(directives)
    await Promise.race([armed, once(child, 'exit')])
  }

  /** Resolves when the process has ended, by whatever. */
  async ended(limitMs = 30_000): Promise<void> {
    const child = this.#child!
    await until(() => !isRunning(child), 'the server ends', limitMs)
    this.#isReady = false
  }

  /** The process alone, as the kernel does when memory runs out. */
  async kill(): Promise<void> {
    this.#isReady = false
    await end(this.#child, 'SIGKILL')
  }

  /** The process and everything below it, PostgreSQL and its sessions included. */
  async killAll(): Promise<void> {
    this.#isReady = false
    const pids = [this.pid, ...(await descendants(this.pid))]
    const exit = once(this.#child!, 'exit')
    for (const pid of pids) tryKill(pid)
    await exit
  }

  async terminate(): Promise<{ code: number | null; tookMs: number }> {
    const startedMs = performance.now()
    const code = await end(this.#child, 'SIGTERM')
    return { code, tookMs: performance.now() - startedMs }
  }

  /** Memory that is in RAM, of the server's own process. */
  async residentMb(): Promise<number> {
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8')
    return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) / 1024)
  }

  /** The way in, by the operator's door. */
  async createTenant(name: string): Promise<string> {
    const log = join(this.dataDir, '..', 'cli.log')
    const words = ['tenant', 'create', '--name', name, '--email', `${name.toLowerCase()}@example.com`]
    const env = { ...this.#env, DATA_DIR: this.dataDir }
    const { root } = this.#program
    const code = await runToEnd('src/cli.ts', { cwd: join(this.dataDir, '..'), log, env, words, root })
    if (code !== 0) throw new Error(`no tenant: ${tail(log)}`)
    return JSON.parse(readFileSync(log, 'utf8').trim().split('\n').at(-1)!).api_key
  }

  /** Its id; it is not connected. */
  async createInstance(apiKey: string): Promise<string> {
    const made = await fetch(`${this.url}/v1/instances`, {
      method: 'POST',
      headers: { 'x-api-key': apiKey, 'content-type': 'application/json' },
      body: '{"name":"bot"}',
    })
    return ((await made.json()) as { id: string }).id
  }
}

/** The network as a process of its own; what it prints is what a server needs. */
export async function startSandbox(
  dir: string,
): Promise<{ printed: Environment; database: string; end(): Promise<void> }> {
  const log = join(dir, 'sandbox.log')
  const env = { DATA_DIR: join(dir, 'network'), SANDBOX_PORT: '0' }
  const child = run('src/sandbox/main.ts', { cwd: dir, log, env })
  const printed: Environment = {}
  const hasPrinted = () => {
    for (const [, name, value] of readFileSync(log, 'utf8').matchAll(/^(\w+)=(.+)\n/gm)) printed[name!] = value!
    return printed.WHATSAPP_ROOT_KEY || !isRunning(child)
  }
  await until(hasPrinted, 'the sandbox says where it is')
  if (!isRunning(child)) throw new Error(`the sandbox does not start: ${tail(log)}`)
  const database = join(dir, 'network', 'sandbox', 'sandbox.db')
  return { printed, database, end: async () => void (await end(child, 'SIGKILL')) }
}

export async function descendants(of: number): Promise<number[]> {
  const children = new Map<number, number[]>()
  for (const name of await readdir('/proc')) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, 'utf8').catch(() => '') : ''
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    if (parent > 0) children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const below = (pid: number): number[] => (children.get(pid) ?? []).flatMap(child => [child, ...below(child)])
  return below(of)
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself, its parent being gone.
  }
}

function tail(log: string): string {
  return readFileSync(log, 'utf8').slice(-3_000)
}
