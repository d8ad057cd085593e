/**
 * Linked phones, made once and kept (`bench-data.ts`): instances of a server, and as many for bare Baileys, on one sandbox.
 * The database and the sandbox are processes of their own, which outlive the servers.
 */
import { randomUUID } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { openApp } from '../../src/app.ts'
import { readConfig } from '../../src/config.ts'
import { createTenant } from '../../src/resolvers/auth/createTenant.ts'
import { controlClient } from '../../src/sandbox/client.ts'
import { openSandbox } from '../../src/sandbox/server.ts'
import { link } from './app.ts'
import { benchData } from './bench-data.ts'
import { apiSettings, openPostgres } from './beside.ts'
import { type Child, serve, start } from './child.ts'
import { startSockets } from './sockets.ts'

const AT_ONCE = 8
const WITHIN_MS = 600_000
const RESOLUTION_MS = 10

async function networkMain(): Promise<void> {
  // libsignal prints sessions, private keys included
  for (const level of ['info', 'warn', 'error'] as const) console[level] = () => {}
  const sandbox = await openSandbox({ dataDir: process.env.DATA_DIR!, port: 0, log: pino({ level: 'silent' }) })
  serve(
    () => ({ sandboxUrl: sandbox.controlUrl }),
    () => sandbox.close(),
  )
}

async function serverMain(): Promise<void> {
  const running = await openApp(readConfig(), pino({ level: 'silent' }))
  serve(
    async asked => {
      if (asked.tenant) return createTenant(running.app, { name: asked.tenant, email: `${asked.tenant}@example.com` })
      if (asked.delayFor) {
        const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
        delay.enable()
        await sleep(asked.delayFor)
        delay.disable()
        return Math.max(0, delay.percentile(99) / 1e6 - RESOLUTION_MS)
      }
      if (asked.memory) {
        for (let i = 0; i < 3; i++) {
          globalThis.gc!()
          await sleep(200)
        }
        return process.memoryUsage.rss()
      }
      return { url: running.url }
    },
    () => running.close(),
  )
}

export interface Phones {
  sandboxUrl: string
  /** Where bare Baileys keeps its own. */
  bare: string
  /** So many of the instances are to be connected by the next server, and no others. */
  want(count: number): Promise<void>
  /** Resolves when it answers; then it may have connected none yet. */
  serve(): Promise<Child>
  /** Resolves when so many are connected by the tables, and the network has seen as many logins since it had `logins`. */
  connected(count: number, logins: number): Promise<void>
  /** That the network has seen. */
  logins(): Promise<number>
  end(): Promise<void>
}

export async function openPhones(count: number): Promise<Phones> {
  const dir = benchData('phones')
  const network = await start(import.meta.url, 'network', {
    env: { DATA_DIR: join(dir, 'network') },
    flags: ['--max-semi-space-size=4'],
  })
  const { sandboxUrl } = await network.ask<{ sandboxUrl: string }>({})
  const postgres = await openPostgres(join(dir, 'postgres'))
  const { pool } = postgres
  const env = { ...apiSettings(postgres.url), SANDBOX: 'on', SANDBOX_URL: sandboxUrl }
  const flags = ['--max-semi-space-size=4', '--expose-gc', ...(process.env.SERVER_FLAGS?.split(' ') ?? [])]
  const logins = async () => (await controlClient(sandboxUrl).counters()).logins
  const countOf = async (condition: string) =>
    (await pool.query(`select count(*)::int as n from instance where ${condition}`)).rows[0].n as number
  const phones: Phones = {
    sandboxUrl,
    bare: '',
    logins,
    want: async of =>
      void (await pool.query(
        `update instance set state = 'disconnected',
           wanted = id in (select id from instance where linked order by id limit $1)`,
        [of],
      )),
    serve: () => start(import.meta.url, 'phone-server', { env, flags }),
    async connected(of, since) {
      const endMs = performance.now() + WITHIN_MS
      while ((await logins()) - since < of || (await countOf(`wanted and state = 'connected'`)) !== of) {
        if (performance.now() > endMs) throw new Error(`not all of ${of} were connected in time`)
        await sleep(20)
      }
    },
    async end() {
      await postgres.end()
      await network.end()
    },
  }
  try {
    const { rows } = await pool.query(`select to_regclass('instance') as there`)
    const linked = rows[0].there ? await countOf('linked') : 0
    if (linked < count) await linkOwn(phones, { dir, from: linked, to: count })
    phones.bare = await linkBare(phones, { dir, count })
    return phones
  } catch (error) {
    await phones.end()
    throw error
  }
}

/** Instances that are missing. */
async function linkOwn(phones: Phones, { dir, from, to }: { dir: string; from: number; to: number }): Promise<void> {
  const server = await phones.serve()
  const { url } = await server.ask({})
  const file = join(dir, 'place.json')
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(await server.ask({ tenant: 'phones' })))
  const place = JSON.parse(readFileSync(file, 'utf8'))
  let next = from
  const one = async () => {
    while (next < to) {
      next++
      await link({ url }, { place, name: randomUUID() })
      process.stdout.write(`\r${next} of ${to} instances are linked`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one))
  process.stdout.write('\n')
  await server.end()
}

/** The folder of what they keep, once those that are missing are linked. */
async function linkBare(phones: Phones, { dir, count }: { dir: string; count: number }): Promise<string> {
  const kept = join(dir, 'bare')
  if (existsSync(join(kept, `${count - 1}.json`))) return kept
  const sockets = await startSockets()
  await sockets.open({ count, sandboxUrl: phones.sandboxUrl, kept })
  await sockets.keep(kept)
  await sockets.end()
  return kept
}

if (import.meta.main && process.argv[2] === 'network') await networkMain()
if (import.meta.main && process.argv[2] === 'phone-server') await serverMain()
