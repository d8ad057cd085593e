/** Parts of a bench that are processes of their own, so that what is measured of each is its own. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

// biome-ignore lint/suspicious/noExplicitAny: what the processes tell each other is theirs
type Told = any

export interface Child {
  pid: number
  /** One question at a time. */
  ask<Answer = Told>(what: Told): Promise<Answer>
  end(): Promise<void>
  /** As when memory runs out. */
  kill(): Promise<void>
}

/** Runs the module at `url` with `role` as its first word, until it calls `serve`. */
export async function start(
  url: string,
  role: string,
  { env = {}, flags = [] }: { env?: Record<string, string>; flags?: string[] } = {},
): Promise<Child> {
  const child: ChildProcess = fork(fileURLToPath(url), [role], {
    env: { ...process.env, ...env },
    execArgv: flags,
    serialization: 'advanced',
  })
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${role} ended with ${code}`)))
  ended.catch(() => {})
  const hear = async () => (await Promise.race([once(child, 'message'), ended]))[0]
  await hear()
  let turn: Promise<unknown> = Promise.resolve()
  return {
    pid: child.pid!,
    ask(what) {
      const next = turn.then(async () => {
        const answer = hear()
        child.send(what)
        const told = (await answer) as { told: Told } | { failed: string }
        if ('failed' in told) throw new Error(`${role}: ${told.failed}`)
        return told.told
      })
      turn = next.catch(() => {})
      return next
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exit = once(child, 'exit')
      child.disconnect()
      await exit
    },
    async kill() {
      const exit = once(child, 'exit')
      child.kill('SIGKILL')
      await exit
    },
  }
}

/** In the child: answers each question of the parent, and ends when the parent lets go. */
export function serve(answer: (what: Told) => unknown, end: () => unknown = () => {}): void {
  process.on('message', what => {
    void Promise.resolve(what)
      .then(answer)
      .then(told => process.send!({ told }))
      .catch(error => process.send!({ failed: (error as Error).stack }))
  })
  process.once('disconnect', () => void Promise.resolve(end()).finally(() => process.exit(0)))
  process.send!('ready')
}

/** Microseconds of processor that this process has used so far. */
export function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
