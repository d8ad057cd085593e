/**
 * The room of the database: it remembers, and decides nothing about the product. It owns the tables, their
 * migrations, the server we bring along and the encryption of what WhatsApp sessions keep. It knows no chapter,
 * no caller and no party; operations bring their own queries through MikroORM or `Sql`.
 */
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql'
import { PostgresDialect } from 'kysely'
import pg from 'pg'
import { type Channel, openChannel } from './channel.ts'
import { DatabaseClock } from './clock.ts'
import { type Engine, startEmbedded } from './embedded.ts'
import { ApiKey } from './entities/api-key.ts'
import { Chat } from './entities/chat.ts'
import { Credential } from './entities/credential.ts'
import { Event } from './entities/event.ts'
import { Inbox } from './entities/inbox.ts'
import { Instance } from './entities/instance.ts'
import { Message } from './entities/message.ts'
import { SignalKey } from './entities/signal-key.ts'
import { Tenant } from './entities/tenant.ts'
import { type Measure, measured, measuredSql } from './measured.ts'
import { MIGRATION_OPTIONS, migrate } from './migrate.ts'
import { Pipeline } from './pipeline.ts'
import { CONNECTIONS, endPool, poolConfig } from './pool.ts'
import { inTransaction, isConnectionLost, refusalOf, rethrow, type Sql, sqlOverPool } from './sql.ts'
import { type DatabaseLog, DatabaseStartError } from './start-error.ts'

export interface DatabaseOptions {
  /** `postgres://…`; without it the embedded server in `dataDir` is started. */
  databaseUrl?: string | null
  dataDir: string
  log: DatabaseLog
  /** Refuses a server that acknowledges commits before they are on disk. */
  production?: boolean
  /** PGlite will do in production. */
  allowPGlite?: boolean
  measure?: Measure
  /** For a command of the operator: when a server runs on `dataDir`, use its database instead of refusing. */
  join?: boolean
  /** Leaves the tables as they are, of whatever version. */
  asIs?: boolean
}

export interface Database {
  orm: MikroORM
  pool: pg.Pool
  /** Each statement is its own transaction. */
  sql: Sql
  /** Commits when `work` resolves and rolls back when it throws. `work` waits for nothing but this database. */
  transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  /** Such as `PostgreSQL 18.4 (embedded)`. */
  describe: string
  clock: DatabaseClock
  /** To hear what other nodes say; null: there can be none, for the database is this process's own. */
  listen: ((ears: Ears) => Channel) | null
  close(): Promise<void>
}

export interface Ears {
  onWord: (word: string) => void
  /** Each time that the channel is open: what was said before was missed. */
  onOpen: () => void
}

/** Rejects with `DatabaseStartError`, whose message is one line for the person who starts the server. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { databaseUrl, log, measure = () => {} } = options
  const engine = databaseUrl ? await reach(databaseUrl) : await startEmbedded(options)
  const pool = engine.pool
  // Without a listener the error of an idle connection would end the process.
  pool.on('error', error => log.warn({ error: error.message }, 'lost a connection to the database'))
  // pg takes its own listener away while a client is in use; the query under way rejects by itself.
  pool.on('connect', client => client.on('error', () => {}))
  let orm: MikroORM | undefined
  try {
    const server = await inspect(pool, options)
    orm = await openOrm(pool, server.database)
    const ran = options.asIs ? [] : await migrate(orm, pool)
    if (ran.length > 0) log.info({ migrations: ran }, 'database migrated')
    const clock = new DatabaseClock()
    await lookAtClock(pool, clock)
    const describe = `PostgreSQL ${server.version} (${engine.kind})`
    const listen = databaseUrl ? ears(databaseUrl, log) : null
    return assemble(engine, { orm, describe, clock, listen, measure })
  } catch (error) {
    await orm?.close(true).catch(() => {})
    await engine.close().catch(() => {})
    throw startError(error, engine.kind)
  }
}

const ears =
  (connectionString: string, log: DatabaseLog) =>
  (given: Ears): Channel =>
    openChannel({ address: { connectionString, application_name: CONNECTIONS }, log, ...given })

async function lookAtClock(pool: pg.Pool, clock: DatabaseClock): Promise<void> {
  const sentMs = performance.now()
  const { rows } = await pool.query('select extract(epoch from clock_timestamp())::float8 * 1000 as "databaseMs"')
  clock.take({ sentMs, gotMs: performance.now(), databaseMs: rows[0].databaseMs })
}

type Made = Pick<Database, 'orm' | 'describe' | 'clock' | 'listen'> & { measure: Measure }

function assemble(engine: Engine, { measure, ...made }: Made): Database {
  const { pool } = engine
  const { orm } = made
  // PGlite has one connection, and that is the pool's.
  const pipeline = pool.options.max === 1 ? null : new Pipeline(pool.options as pg.ClientConfig)
  const single = sqlOverPool(pool)
  let closed: Promise<void> | undefined
  return {
    ...made,
    pool,
    sql: measuredSql(measure, 'single', pipeline?.over(single) ?? single),
    transaction: work =>
      measured(measure, 'transaction', () => inTransaction(pool, sql => work(measuredSql(measure, 'inner', sql)))),
    close: () => (closed ??= end()),
  }

  async function end(): Promise<void> {
    await orm.close(true)
    await pipeline?.close()
    await engine.close()
  }
}

/** Shorter than a request may wait: whoever starts the server sits in front of it. */
const REACH_TIMEOUT_MS = 4_000

async function reach(databaseUrl: string): Promise<Engine> {
  const kind = `DATABASE_URL at ${hostOf(databaseUrl)}`
  const client = new pg.Client({ connectionString: databaseUrl, connectionTimeoutMillis: REACH_TIMEOUT_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
  } catch (error) {
    throw startError(error, kind)
  }
  const pool = new pg.Pool(poolConfig({ connectionString: databaseUrl }))
  return { kind, pool, close: () => endPool(pool) }
}

function hostOf(databaseUrl: string): string {
  const url = URL.parse(databaseUrl)
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new DatabaseStartError('DATABASE_URL is not an address of the form postgres://user:password@host:port/name')
  }
  return decodeURIComponent(url.host) || url.searchParams.get('host') || 'localhost'
}

interface Server {
  version: string
  database: string
}

/** Versions before 14 were never run. */
const OLDEST_MAJOR = 14

async function inspect(pool: pg.Pool, options: DatabaseOptions): Promise<Server> {
  const { rows } = await pool.query(`select current_setting('server_version_num')::int as number,
    current_setting('server_version') as version, current_database() as database,
    current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit`)
  const { number, version, database, fsync, commit } = rows[0]
  if (number < OLDEST_MAJOR * 10_000) {
    throw new DatabaseStartError(`the server at DATABASE_URL is PostgreSQL ${version}, and ${OLDEST_MAJOR} is needed`)
  }
  if (options.databaseUrl && options.production && (fsync === 'off' || commit === 'off')) {
    throw new DatabaseStartError(
      `the server at DATABASE_URL runs with fsync=${fsync} and synchronous_commit=${commit}: both must be on in production, or a power failure loses what was acknowledged`,
    )
  }
  return { version: version.split(' ')[0], database }
}

/** MikroORM with the errors of the house, as of all other statements. */
class HouseDriver extends PostgreSqlDriver {
  override convertException(error: Error) {
    return (
      (refusalOf(error) as ReturnType<PostgreSqlDriver['convertException']> | null) ?? super.convertException(error)
    )
  }
}

function openOrm(pool: pg.Pool, dbName: string): Promise<MikroORM> {
  return MikroORM.init({
    driver: HouseDriver,
    entities: [Tenant, ApiKey, Instance, Credential, SignalKey, Inbox, Chat, Message, Event],
    dbName,
    // MikroORM must not end the pool: it is ours. Its result mapper takes the Dates that pg makes.
    driverOptions: new PostgresDialect({
      pool: { connect: () => pool.connect().catch(rethrow), end: async () => {}, options: {} },
    } as unknown as ConstructorParameters<typeof PostgresDialect>[0]),
    migrations: MIGRATION_OPTIONS,
    forceUtcTimezone: true,
    allowGlobalContext: false,
    debug: false,
  })
}

function startError(error: unknown, kind: string): DatabaseStartError {
  if (error instanceof DatabaseStartError) return error
  const what = isConnectionLost(error) ? `no database answers (${kind})` : `the database (${kind}) cannot be used`
  return new DatabaseStartError(`${what}: ${reasonOf(error)}`, { cause: error })
}

/** A host of several addresses that refuse has its reasons inside the error, and no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
