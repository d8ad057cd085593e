import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { chown, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import {
  endHolders,
  eventually,
  folder,
  type Holder,
  holder,
  isAlive,
  postmasterPid,
  removeFolder,
  silent,
} from './processes.ts'

let dataDir: string
beforeEach(async () => void (dataDir = await folder()))
afterEach(async () => {
  await endHolders()
  await removeFolder(dataDir)
})

/** The process group of the server's watchdog: the shell, its reader and the postmaster, but not its sessions. */
const groupOf = (pid: number): number => Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[2])

async function openAgain<T>(use: (database: Database) => Promise<T>): Promise<T> {
  const database = await openDatabase({ dataDir, log: silent })
  try {
    return await use(database)
  } finally {
    await database.close()
  }
}

async function missing(database: Database, writer: Holder): Promise<string[]> {
  const rows = await database.sql.query<{ id: string }>('select id from tenant')
  const stored = new Set(rows.map(row => row.id))
  return writer.lines.flatMap(line => (line.acked && !stored.has(line.acked) ? [line.acked] : []))
}

describe('the embedded PostgreSQL', () => {
  it('ends with its parent after SIGKILL, and what was acknowledged is there at the next start', async () => {
    const writer = await holder(dataDir, 'write')
    await writer.until(() => writer.lines.length > 100)
    const postmaster = await postmasterPid(dataDir)
    await writer.kill('SIGKILL')
    await eventually(async () => !(await isAlive(postmaster)), 3_000)
    expect(await openAgain(database => missing(database, writer))).toEqual([])
  })

  it.runIf(process.platform === 'linux')('survives kill -9 of everything at once, postmaster included', async () => {
    const writer = await holder(dataDir, 'write')
    await writer.until(() => writer.lines.length > 100)
    const group = groupOf(await postmasterPid(dataDir))
    process.kill(-group, 'SIGKILL')
    await writer.kill('SIGKILL')
    const startedMs = performance.now()
    expect(await openAgain(database => missing(database, writer))).toEqual([])
    expect(performance.now() - startedMs).toBeLessThan(3_000)
  })

  it.runIf(process.platform === 'linux')('waits for a session that outlived its postmaster', async () => {
    const busy = await holder(dataDir, 'busy')
    const postmaster = await postmasterPid(dataDir)
    await eventually(async () => busyChild(postmaster) !== null)
    const session = busyChild(postmaster)!
    process.kill(-groupOf(postmaster), 'SIGKILL')
    await busy.kill('SIGKILL')
    expect(await isAlive(session)).toBe(true)
    await openAgain(async () => expect(await isAlive(session)).toBe(false))
  })

  it.runIf(process.platform === 'linux')(
    'stands in a group of its own, so that Ctrl-C reaches the app alone',
    async () => {
      const app = await holder(dataDir, 'hold')
      expect(groupOf(await postmasterPid(dataDir))).not.toBe(groupOf(app.pid))
    },
  )

  it('starts although the pid it had is another process now, as in a restarted container', async () => {
    await openAgain(async () => {})
    const cluster = join(dataDir, 'postgresql')
    const { uid, gid } = await stat(cluster)
    const stranger = spawn('sleep', ['30'], { uid, gid })
    for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) {
      await writeFile(join(cluster, name), `${stranger.pid}\n${cluster}\n1700000000\n5432\n${cluster}\n\n\n`)
      await chown(join(cluster, name), uid, gid)
    }
    try {
      await openAgain(async database => expect(await database.sql.query('select 1 as n')).toEqual([{ n: 1 }]))
      expect(await isAlive(stranger.pid!)).toBe(true)
    } finally {
      stranger.kill('SIGKILL')
    }
  })

  it('is started again when it alone is killed, and the pool recovers by itself', async () => {
    await openAgain(async database => {
      await database.sql.query("insert into tenant (id, name, email) values ('ten_1', 'Acme', 'a@example.com')")
      const killed = await postmasterPid(dataDir)
      process.kill(killed, 'SIGKILL')
      await eventually(async () => (await postmasterPid(dataDir).catch(() => killed)) !== killed)
      await eventually(async () => {
        const rows = await database.sql.query('select id from tenant').catch(() => [])
        return rows.length === 1
      })
    })
  })
})

/** A session of this postmaster that is using the processor. */
function busyChild(postmaster: number): number | null {
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')
      if (Number(fields[1]) !== postmaster) continue
      if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('SELECT') && fields[0] === 'R') return Number(pid)
    } catch {
      // It ended while we looked.
    }
  }
  return null
}
