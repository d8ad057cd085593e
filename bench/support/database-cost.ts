import { readdirSync, readFileSync } from 'node:fs'
import type { Sql } from '../../src/db/sql.ts'

/** What PostgreSQL on this machine has done so far. */
export interface DatabaseCost {
  /** Of all its processes, those that have ended, too; null: not known on this system. */
  cpuMs: number | null
  /** Written to its log. */
  walBytes: number
}

const TICK_MS = 10

export async function databaseCost(sql: Sql): Promise<DatabaseCost> {
  const [row] = await sql.query<{ pid: number; wal: string }>(
    `select pg_backend_pid() as pid, (pg_current_wal_lsn() - '0/0')::text as wal`,
  )
  return { cpuMs: process.platform === 'linux' ? cpuOfFamily(row!.pid) : null, walBytes: Number(row!.wal) }
}

function cpuOfFamily(backend: number): number {
  const postmaster = statOf(backend)!.parent
  const family = readdirSync('/proc').map(name => (/^\d+$/.test(name) ? statOf(Number(name)) : null))
  const own = statOf(postmaster)!
  const children = family.filter(each => each?.parent === postmaster)
  return children.reduce((sum, each) => sum + each!.ticks, own.ticks + own.endedTicks) * TICK_MS
}

/** proc(5): after the name in brackets come the state, the parent, and as 14th to 17th of all the times. */
function statOf(pid: number): { parent: number; ticks: number; endedTicks: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    const at = (n: number) => Number(fields[n])
    return { parent: at(1), ticks: at(11) + at(12), endedTicks: at(13) + at(14) }
  } catch {
    return null
  }
}
