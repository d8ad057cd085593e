import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { TestProject } from 'vitest/node'
import { type Engine, startEmbedded } from '../../src/db/embedded.ts'
import { openDatabase } from '../../src/db/open.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The server's own database, from which others are created. */
    databaseAdminUrl: string
    /** The name of a migrated database without rows. */
    databaseTemplate: string
  }
}

const log = { debug() {}, info() {}, warn() {} }

/** One server for the whole run: TEST_DATABASE_URL, or our own, which ends with this process however that ends. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.TEST_DATABASE_URL
  const cluster = given ? null : await startCluster()
  const adminUrl = given ?? cluster!.url
  const template = `wataki_template_${process.pid}`
  await admin(adminUrl, `create database ${template}`)
  const database = await openDatabase({ databaseUrl: withDatabase(adminUrl, template), dataDir: '', log })
  await database.close()
  const name = database.describe.replace(/ \(.*/, '')
  process.stdout.write(`Tests run against ${name} (${given ? 'TEST_DATABASE_URL' : 'embedded'})\n`)
  project.provide('databaseAdminUrl', adminUrl)
  project.provide('databaseTemplate', template)
  return async () => {
    if (given) await admin(adminUrl, `drop database if exists ${template} with (force)`)
    await cluster?.end()
  }
}

async function startCluster(): Promise<{ url: string; end(): Promise<void> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'wataki-test-'))
  await chmod(dataDir, 0o711)
  const engine: Engine = await startEmbedded({ dataDir, log, settings: { max_connections: '200' } })
  if (engine.kind !== 'embedded') throw new Error('PostgreSQL cannot run here: set TEST_DATABASE_URL')
  return {
    url: `postgres://postgres@${encodeURIComponent(engine.pool.options.host!)}/postgres`,
    async end() {
      await engine.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

export async function admin(adminUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 5_000 })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

export function withDatabase(url: string, name: string): string {
  const changed = new URL(url)
  changed.pathname = `/${name}`
  return changed.href
}
