import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { migrationsIn } from '../db/dump.ts'
import { MIGRATION_OPTIONS } from '../db/migrate.ts'
import { type Database, openDatabase } from '../db/open.ts'
import { sealedAfter } from '../db/queries/sealed.ts'
import { failingWebhooks, serverStanding, unwellInstances } from '../db/queries/standing.ts'
import { DatabaseStartError } from '../db/start-error.ts'
import { ALL_SEALED } from '../resolvers/reseal.ts'
import { secretsOf, Unopened } from '../secrets.ts'
import * as checks from './checks.ts'
import { type Check, fail, ok, warn } from './checks.ts'
import { silentLog } from './operate.ts'

/** What the database says, as it is: nothing is migrated, and none is made where there is none. */
export async function databaseChecks(config: Config): Promise<Check[]> {
  const { dataDir, databaseUrl } = config
  if (!databaseUrl && !['postgresql', 'pglite'].some(name => existsSync(join(dataDir, name)))) {
    return [ok('database', `is made in ${dataDir} at the first start`)]
  }
  let db: Database
  try {
    db = await openDatabase({ ...config, log: silentLog(), join: true, asIs: true })
  } catch (error) {
    if (!(error instanceof DatabaseStartError)) throw error
    const fix = databaseUrl
      ? 'look whether the server runs and DATABASE_URL is right: psql "$DATABASE_URL" -c "select 1"'
      : 'the log of wataki start says more'
    return [fail('database', error.message, fix)]
  }
  try {
    return await checksOf(db, config)
  } finally {
    await db.close()
  }
}

async function checksOf(db: Database, config: Config): Promise<Check[]> {
  const ranMs = performance.now()
  const { readOnly, mayCreate, databaseMs } = await serverStanding(db.sql)
  const halfMs = (performance.now() - ranMs) / 2
  const ran = await migrationsIn(db.sql)
  const known = MIGRATION_OPTIONS.migrationsList.map(migration => migration.name)
  const tables = checks.schema(ran, known)
  const found = [
    writable(db.describe, { readOnly, mayCreate }),
    tables,
    checks.skew(systemClock.nowMs() - halfMs - databaseMs),
  ]
  // Tables of another version may lack what is asked for below.
  if (tables.status !== 'ok' || ran.length === 0) return found
  return [...found, await opened(db, config), await instances(db), await webhooks(db)]
}

function writable(describe: string, { readOnly, mayCreate }: { readOnly: boolean; mayCreate: boolean }): Check {
  if (readOnly) return fail('database', `${describe} takes no writes`, 'set DATABASE_URL to the primary server')
  if (!mayCreate)
    return fail(
      'database',
      `${describe} lets this user make no tables`,
      'grant create on schema public to the user of DATABASE_URL',
    )
  return ok('database', describe)
}

/** One row of each kind tells: all are under one key, or wait for `secrets reseal`. */
async function opened(db: Database, config: Config): Promise<Check> {
  const path = join(config.dataDir, 'secret.key')
  // None is made up here.
  const secrets = config.secretKey !== null || existsSync(path) ? secretsOf(config) : null
  let count = 0
  for (const column of ALL_SEALED) {
    for (const { key, sealed } of await sealedAfter(db.sql, column, { after: null, limit: 1 })) {
      if (!secrets)
        return fail(
          'encryption',
          `there is no SECRET_KEY, and ${column.table} is sealed with one`,
          `set SECRET_KEY, or put ${path} back`,
        )
      try {
        secrets.open(sealed, column.place(...(key as never[])))
        count++
      } catch (error) {
        if (!(error instanceof Unopened)) throw error
        return fail(
          'encryption',
          `SECRET_KEY does not open what is in ${column.table}`,
          'set SECRET_KEY to the key that it was sealed with, or that as SECRET_KEY_PREVIOUS',
        )
      }
    }
  }
  return ok('encryption', count === 0 ? 'nothing is sealed yet' : 'SECRET_KEY opens what is sealed')
}

const NAMED_MAX = 3

async function instances(db: Database): Promise<Check> {
  const { all, unwell } = await unwellInstances(db.sql)
  if (unwell.length === 0) return ok('instances', `${all}, none of which waits for you`)
  const named = unwell
    .slice(0, NAMED_MAX)
    .map(({ id, state, reason }) => `${id} is ${state}${reason ? ` (${reason})` : ''}`)
  const more = unwell.length > NAMED_MAX ? `, and ${unwell.length - NAMED_MAX} more` : ''
  return warn('instances', `${named.join(', ')}${more}`, `wataki instances connect ${unwell[0]!.id}`)
}

async function webhooks(db: Database): Promise<Check> {
  const failing = await failingWebhooks(db.sql)
  if (failing.length === 0) return ok('webhooks', 'no receiver is failing')
  const named = failing.slice(0, NAMED_MAX).map(({ id, url, disabledReason, error }) => {
    const why = error ? ` (${error})` : ''
    return `${id} at ${new URL(url).host} ${disabledReason ? 'was deactivated' : 'takes nothing'}${why}`
  })
  const more = failing.length > NAMED_MAX ? `, and ${failing.length - NAMED_MAX} more` : ''
  return warn(
    'webhooks',
    `${named.join(', ')}${more}`,
    `put the receiver right, then wataki webhooks replay ${failing[0]!.id} --since TIME`,
  )
}
