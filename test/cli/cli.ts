/** The command line as a process, as its users have it: nothing of this process's own settings comes along. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, vi } from 'vitest'
import type { Json } from '../support/app.ts'

// Up to a dozen processes in a row.
vi.setConfig({ testTimeout: 120_000 })

const PROGRAM = join(import.meta.dirname, '..', '..', 'src', 'cli.ts')

export interface Ran {
  code: number | null
  out: string
  err: string
}

export interface Started {
  child: ChildProcess
  out: () => string
  err: () => string
  /** Whole lines of stdout so far, as JSON. */
  values: () => Json[]
  exited: Promise<Ran>
}

export interface Settings {
  env?: Record<string, string>
  input?: string
  cwd?: string
}

/** Where commands run and keep their login; it is empty at first, and gone after the file. */
export const home = mkdtempSync(join(tmpdir(), 'wataki-home-'))
const started = new Set<ChildProcess>()
afterAll(() => {
  for (const child of started) child.kill('SIGKILL')
  rmSync(home, { recursive: true, force: true })
})

export function start(words: readonly string[], { env, input, cwd = home }: Settings = {}): Started {
  const { PATH = '', TMPDIR = '' } = process.env
  const child = spawn(process.execPath, [PROGRAM, ...words], {
    cwd,
    env: { PATH, HOME: home, ...(TMPDIR && { TMPDIR }), ...env },
  })
  started.add(child)
  child.stdin.end(input ?? '')
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', chunk => (out += chunk))
  child.stderr.setEncoding('utf8').on('data', chunk => (err += chunk))
  const exited = new Promise<Ran>(resolve =>
    child.once('close', code => {
      started.delete(child)
      resolve({ code, out, err })
    }),
  )
  const values = () =>
    out
      .split('\n')
      .slice(0, -1)
      .map(line => JSON.parse(line))
  return { child, out: () => out, err: () => err, values, exited }
}

export const run = (words: readonly string[], settings?: Settings): Promise<Ran> => start(words, settings).exited

/** What a command that succeeds prints with `--json`: one value, and nothing else anywhere. */
export async function jsonOf(words: readonly string[], settings?: Settings): Promise<Json> {
  const ran = await run([...words, '--json'], settings)
  if (ran.code !== 0 || ran.err !== '') throw new Error(`${words.join(' ')}: ${JSON.stringify(ran)}`)
  return JSON.parse(ran.out)
}

/** What one that fails says with `--json`. */
export async function errorOf(words: readonly string[], settings?: Settings): Promise<Json> {
  const ran = await run([...words, '--json'], settings)
  if (ran.out !== '') throw new Error(`${words.join(' ')} fails and prints ${ran.out}`)
  return { exit: ran.code, ...JSON.parse(ran.err).error }
}
