/** A PostgreSQL of a test's own, which can be halted and ended under the feet of whoever uses it. */
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbedded } from '../../src/db/embedded.ts'
import { descendants } from '../crash/processes.ts'

export interface Cluster {
  url: string
  /** Neither answers nor hangs up, as when its disk is gone. */
  halt(): Promise<void>
  resume(): Promise<void>
  /** A fast shutdown: every connection is cut, new ones are refused. */
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

const log = { debug() {}, info() {}, warn() {} }

export async function openCluster(): Promise<Cluster> {
  const dataDir = await mkdtemp(join(tmpdir(), 'wataki-pg-'))
  await chmod(dataDir, 0o711)
  let engine: Awaited<ReturnType<typeof startEmbedded>> | null = await startEmbedded({ dataDir, log })
  if (engine.kind !== 'embedded') throw new Error('PostgreSQL cannot run here')
  const host = engine.pool.options.host!
  const signal = async (name: 'SIGSTOP' | 'SIGCONT') => {
    const postmaster = Number((await readFile(join(dataDir, 'postgresql', 'postmaster.pid'), 'utf8')).split('\n')[0])
    for (const pid of [postmaster, ...(await descendants(postmaster))]) process.kill(pid, name)
  }
  const stop = async () => {
    await engine?.close()
    engine = null
  }
  return {
    url: `postgres://postgres@${encodeURIComponent(host)}/postgres`,
    halt: () => signal('SIGSTOP'),
    resume: () => signal('SIGCONT'),
    stop,
    async start() {
      engine = await startEmbedded({ dataDir, log })
      if (engine.pool.options.host !== host) throw new Error('PostgreSQL came back elsewhere')
    },
    async close() {
      await stop()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
