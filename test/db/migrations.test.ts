import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { MIGRATIONS } from '../../src/db/migrations/list.ts'
import { openDatabase } from '../../src/db/open.ts'
import { folder, removeFolder, runToEnd, Server, until } from '../crash/processes.ts'
import type { Json } from '../support/app.ts'
import type { TestDatabase } from '../support/database.ts'
import { openReceiver, type Receiver } from '../support/receiver.ts'
import { Customer, SETTINGS } from './everyday.ts'
import type { Target } from './migrating.ts'
import {
  counts,
  dial,
  emptyDatabase,
  makeEmpty,
  makeOld,
  missingRows,
  type OldDatabase,
  type State,
  stateOf,
} from './old-database.ts'
import { silent } from './processes.ts'
import { migrationsIn, RELEASE, unpackRelease } from './released.ts'

const NAMES = MIGRATIONS.map(({ name }) => name)
const OLD = NAMES.slice(0, -1)
const FIRST = NAMES[0]!
const KILLS = 20
/** So many databases are migrated by each process that is killed. */
const AT_ONCE = 5
/** For what starts many processes, when other tests have the processor. */
const SLOW = { timeout: 180_000 }

let dir: string
let database: OldDatabase
let fresh: State
beforeAll(async () => {
  dir = await folder()
  database = await emptyDatabase()
  await migrate(database)
  fresh = await stateOf(database)
})

const ending: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ending.splice(0).reverse()) await end()
})
afterAll(async () => {
  await database?.drop()
  await removeFolder(dir)
})

async function migrate({ url }: TestDatabase): Promise<void> {
  const opened = await openDatabase({ databaseUrl: url, dataDir: '', log: silent })
  await opened.close()
}

/** In a process of its own. */
const start = (targets: Target[], log: string): Promise<number | NodeJS.Signals> => {
  const env = { TARGETS: JSON.stringify(targets), NODE_COMPILE_CACHE: join(dir, 'compiled') }
  return runToEnd('test/db/migrating.ts', { cwd: dir, log, env })
}

const migrationsOf = ({ rows }: State): unknown[] => rows.migration!.map(row => row.name)

describe('the tables of every earlier version become those of this one', () => {
  it.each(OLD)('from %s, with all that they hold', async name => {
    await makeOld(database, name)
    const before = await stateOf(database)
    const empty = Object.keys(before.rows).filter(table => before.rows[table]!.length === 0)
    expect(empty, 'tables without a row: old-rows.ts says what they held').toEqual([])
    await migrate(database)
    const after = await stateOf(database)
    expect(after.schema).toEqual(fresh.schema)
    expect(after.schema.filter(line => line.includes('not valid'))).toEqual([])
    expect(migrationsOf(after)).toEqual(NAMES)
    expect(missingRows(before, after, name)).toEqual([])
  })

  it('whoever wrote and was written to is one chat, and events are numbered', async () => {
    await makeOld(database, FIRST)
    await migrate(database)
    const listed = async (text: string) => (await database.client.query({ text, rowMode: 'array' })).rows
    const messages = await listed(
      `select message.id, coalesce(group_jid, phone), chat.lid from message join chat on chat.id = chat order by 1`,
    )
    const person = ['5511999990001@s.whatsapp.net', '10000000000001@lid']
    expect(messages).toEqual([
      ['msg_01', ...person],
      ['msg_02', ...person],
      ['msg_04', ...person],
      ['msg_05', null, '10000000000005@lid'],
      ['msg_06', '120363000000000001@g.us', null],
      ['msg_07', '5511999990007@s.whatsapp.net', null],
      ['msg_08', '5511999990007@s.whatsapp.net', null],
    ])
    const events = await listed(
      `select id, seq::int, about, last_seq::int from event join event_counter using (instance_id) order by 1`,
    )
    expect(events).toEqual([
      ['evt_01', 1, 'inst_bot', 3],
      ['evt_02', 2, 'msg_02', 3],
      ['evt_03', 1, 'inst_lost', 1],
      ['evt_04', 3, 'msg_01', 3],
    ])
  })
})

describe('a server that is killed while it migrates', () => {
  /** What passes through pg, in order. */
  async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
    const spy = vi.spyOn(pg.Client.prototype, 'query')
    try {
      await work()
      const calls = spy.mock.calls as unknown as [string | { text: string }][]
      return calls.map(([first]) => (typeof first === 'string' ? first : first.text))
    } finally {
      spy.mockRestore()
    }
  }

  /** Before which statement each is: from the first to the commit, evenly, and after the commit. */
  function pointsOf(statements: string[]): number[] {
    const commit = statements.findLastIndex(statement => /^commit\b/i.test(statement))
    const before = Array.from({ length: KILLS - 1 }, (_, i) => 1 + Math.round((i * commit) / (KILLS - 2)))
    return [...before, statements.length + 1]
  }

  it(
    `leaves all of the old or all of the new, at each of ${KILLS} points, and the next start ends in the same`,
    SLOW,
    async () => {
      await makeOld(database, FIRST)
      const points = pointsOf(await statementsOf(() => migrate(database)))
      expect(new Set(points).size).toBe(KILLS)
      const whole = await stateOf(database)
      const whatIs = (state: State, before: State): string => {
        if (isDeepStrictEqual(state, before)) return 'old'
        const isNew =
          isDeepStrictEqual([state.schema, counts(state)], [whole.schema, counts(whole)]) &&
          missingRows(before, state, FIRST).length === 0
        return isNew ? 'new' : 'neither'
      }
      const log = join(dir, 'killed.log')
      const all = await Promise.all(Array.from({ length: AT_ONCE }, emptyDatabase))
      ending.push(() => Promise.all(all.map(each => each.drop())))
      const outcomes: unknown[] = []
      while (outcomes.length < KILLS) {
        const before = await Promise.all(all.map(each => makeOld(each, FIRST).then(() => stateOf(each))))
        const stops = points.slice(outcomes.length, outcomes.length + AT_ONCE)
        const end = await start(
          all.map(({ url }, i) => ({ url, stopBefore: stops[i]! })),
          log,
        )
        const next = async (each: OldDatabase, i: number) => {
          const others = 'select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
          await until(async () => (await each.client.query(others)).rowCount === 0, 'the server has noticed')
          const left = whatIs(await stateOf(each), before[i]!)
          const failed = await migrate(each).then(
            () => null,
            (error: Error) => error.message,
          )
          return [stops[i], end, left, failed ?? whatIs(await stateOf(each), before[i]!)]
        }
        outcomes.push(...(await Promise.all(all.map(next))))
      }
      expect(outcomes).toEqual(points.map((point, i) => [point, 'SIGKILL', i === KILLS - 1 ? 'new' : 'old', 'new']))
    },
  )
})

describe('nodes that start together on the tables of an earlier version', () => {
  /** Stops whoever migrates at the first statement, until `release`. */
  async function hold(): Promise<{ waiting(forMs: number): Promise<number>; release(): Promise<void> }> {
    const holder = await dial(database.url)
    ending.push(() => holder.end())
    await holder.query('begin')
    await holder.query('lock table tenant in access share mode')
    return {
      async waiting(forMs) {
        const { rowCount } = await database.client.query(
          `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
             and clock_timestamp() - query_start > $1 * interval '1 ms'`,
          [forMs],
        )
        return rowCount!
      },
      release: async () => void (await holder.query('commit')),
    }
  }

  it('run each migration once, and all three come up', SLOW, async () => {
    await makeOld(database, FIRST)
    const before = await stateOf(database)
    const held = await hold()
    const logs = ['a', 'b', 'c'].map(name => join(dir, `${name}.log`))
    const ends = Promise.all(logs.map(log => start([{ url: database.url }], log)))
    await Promise.race([
      until(async () => (await held.waiting(0)) === logs.length, 'all of them wait', SLOW.timeout),
      ends,
    ])
    await held.release()
    expect(await ends).toEqual([0, 0, 0])
    const told = logs.map(log => readFileSync(log, 'utf8')).filter(log => log !== '')
    expect(told.map(line => JSON.parse(line))).toEqual([{ migrations: NAMES.slice(1) }])
    const after = await stateOf(database)
    expect(migrationsOf(after)).toEqual(NAMES)
    expect(after.schema).toEqual(fresh.schema)
    expect(missingRows(before, after, FIRST)).toEqual([])
  })

  it('wait for the one that migrates, also for longer than any statement may take', async () => {
    await makeOld(database, FIRST)
    const held = await hold()
    const impatient = new URL(database.url)
    impatient.searchParams.set('statement_timeout', '500')
    const open = () => migrate({ ...database, url: impatient.href })
    const first = open()
    await Promise.race([until(async () => (await held.waiting(0)) === 1, 'one of them migrates'), first])
    const starts = Promise.all([first, open(), open()])
    await Promise.race([until(async () => (await held.waiting(700)) === 3, 'all of them wait'), starts])
    await held.release()
    await starts
    expect(migrationsOf(await stateOf(database))).toEqual(NAMES)
  })
})

describe(`the code of the last release, ${RELEASE}`, () => {
  let root: string
  let home: string
  let receiver: Receiver
  let release: Server
  let customer: Customer
  beforeAll(async () => {
    ;[root, home] = await Promise.all([folder(), folder()])
    unpackRelease(root)
    receiver = await openReceiver()
    const env = { ...SETTINGS, DATABASE_URL: database.url, NODE_COMPILE_CACHE: join(dir, 'compiled') }
    release = new Server(home, env, { root })
    customer = new Customer(release, receiver)
  })
  afterAll(async () => {
    await customer?.server.kill()
    await receiver?.close()
    for (const each of [root, home]) if (each) await removeFolder(each)
  })

  it('has only migrations that are in this version, unchanged', () => {
    expect(migrationsIn()).toMatchObject(migrationsIn(root))
  })

  it('goes on as usual when its database is brought to this version beneath it', SLOW, async () => {
    await makeEmpty(database)
    await release.start()
    await customer.begin()
    await customer.work('before')
    await migrate(database)
    const after = await stateOf(database)
    expect([migrationsOf(after), after.schema]).toEqual([NAMES, fresh.schema])
    await customer.work('beneath')
    expect((await release.terminate()).code).toBe(0)
  })

  it('starts on it, and serves as usual', SLOW, async () => {
    await release.terminate()
    await release.start()
    await customer.work('again')
  })

  it('leaves everything to this version, which goes on with it', SLOW, async () => {
    const found = await customer.find()
    expect(found.messages).toHaveLength(9)
    const sent = found.messages.find(({ content }: Json) => content.text === 'out again, mended')
    expect((await release.terminate()).code).toBe(0)
    expect(readFileSync(release.log, 'utf8')).not.toMatch(/\b(ERROR|FATAL)\b/)
    const present = new Server(home, { ...SETTINGS, DATABASE_URL: database.url })
    customer.server = present
    await present.start()
    expect(await customer.find()).toMatchObject(found)
    expect(await customer.send('out again')).toMatchObject({ id: sent.id })
    await customer.work('today')
  })
})
