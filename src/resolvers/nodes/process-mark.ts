import { readFileSync, readlinkSync } from 'node:fs'

/**
 * Names a process of this machine since it was started: which start of the kernel, which pid namespace, the pid, and
 * when it began. Empty where the kernel does not say (proc(5) of Linux does).
 */
export function markOf(pid: number = process.pid): string {
  try {
    const stat = statOf(pid)
    return stat ? `${machine()} ${pid} ${stat.startedAt}` : ''
  } catch {
    return ''
  }
}

/** Whether the process of this mark has certainly ended. False also when nobody here can know. */
export function isGone(mark: string): boolean {
  const [boot, namespace, pid, startedAt] = mark.split(' ')
  try {
    if (startedAt === undefined || `${boot} ${namespace}` !== machine()) return false
    process.kill(Number(pid), 0)
    const stat = statOf(Number(pid))
    return stat !== null && (stat.startedAt !== startedAt || hasEnded(stat))
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

/** A process is a zombie as soon as its first thread has ended; its sockets are open until the last one has. */
export const hasEnded = ({ state, threads }: Stat): boolean => state === 'X' || (state === 'Z' && threads <= 1)

const machine = (): string => {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
}

/** Null: it cannot be read, as where processes of others are hidden. */
function statOf(pid: number): Stat | null {
  try {
    return readStat(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return null
  }
}

interface Stat {
  state: string
  threads: number
  startedAt: string
}

/** A line of `/proc/PID/stat`, as in proc(5). */
export function readStat(line: string): Stat {
  // The name before may hold anything, also blanks and brackets.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0]!, threads: Number(fields[17]), startedAt: fields[19]! }
}
