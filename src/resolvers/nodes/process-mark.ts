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
    // A zombie has no open socket any more; another start time is another process.
    return stat !== null && (stat.startedAt !== startedAt || stat.state === 'Z' || stat.state === 'X')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}

const machine = (): string => {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return `${boot} ${readlinkSync('/proc/self/ns/pid')}`
}

/** Null: it cannot be read, as where processes of others are hidden. */
function statOf(pid: number): { state: string; startedAt: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The name before may hold anything, also blanks and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { state: fields[0]!, startedAt: fields[19]! }
  } catch {
    return null
  }
}
