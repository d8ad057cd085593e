import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { type OpenPGlite, openPGlite } from '../../src/db/pglite.ts'
import { findDoor, openDoor } from '../../src/db/pglite-door.ts'
import { endHolders, eventually, folder, holder, removeFolder, silent } from './processes.ts'

const message = (type: string, body: string): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(body.length + 4)
  return Buffer.concat([Buffer.from(type), head, Buffer.from(body)])
}
const STARTUP = message('', '\0\x03\0\0user\0postgres\0\0')
const query = (sql: string): Buffer => message('Q', `${sql}\0`)
const parse = (sql: string): Buffer => message('P', `\0${sql}\0\0\0`)
const READY = Buffer.from('Z\0\0\0\x05')

let dataDir: string
beforeAll(async () => {
  dataDir = await folder()
  await writeFile(join(dataDir, 'engine'), 'pglite\n')
})
afterAll(() => removeFolder(dataDir))
afterEach(endHolders)

describe('the door to a PGlite', () => {
  let pglite: OpenPGlite
  let door: { close(): Promise<void> }
  beforeAll(async () => {
    pglite = await openPGlite(join(dataDir, 'pglite'))
    await pglite.pool.query('create table mark (name text primary key)')
    door = await openDoor({ dataDir, ...pglite })
  })
  afterAll(async () => {
    await door?.close()
    await pglite.pool.query('drop table mark')
    await pglite.close()
  })

  const marks = async (): Promise<string[]> => {
    const { rows } = await pglite.pool.query<{ name: string }>('select name from mark order by name')
    return rows.map(row => row.name)
  }
  const nextReady = async (socket: Socket): Promise<string> => {
    let heard = Buffer.alloc(0)
    for (let chunks = 0; chunks < 100 && !heard.subarray(-6).includes(READY); chunks++) {
      const [chunk] = await once(socket, 'data', { signal: AbortSignal.timeout(5_000) })
      heard = Buffer.concat([heard, chunk])
    }
    return heard.toString('latin1')
  }
  const rawJoiner = async (): Promise<Socket> => {
    const socket = connect(join((await findDoor(dataDir))!, '.s.PGSQL.5432'))
    socket.on('error', () => {})
    socket.write(STARTUP)
    await nextReady(socket)
    return socket
  }
  const joiner = async (dir: string): Promise<pg.Client> => {
    const client = new pg.Client({ host: (await findDoor(dir))!, port: 5432, user: 'postgres', ssl: false })
    client.on('error', () => {})
    await client.connect()
    return client
  }

  it('stands in a folder that only its user may enter', async () => {
    expect((await stat(join(dataDir, 'pglite-socket'))).mode & 0o777).toBe(0o700)
  })

  it('stands elsewhere when its path would be too long for the kernel, and leaves nothing behind', async () => {
    const long = join(dataDir, 'd'.repeat(100))
    await mkdir(long)
    const other = await openDoor({ ...pglite, dataDir: long })
    const dir = (await findDoor(long))!
    expect(dirname(dir)).toBe(tmpdir())
    expect((await stat(dir)).mode & 0o777).toBe(0o700)
    const client = await joiner(long)
    expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }])
    await client.end()
    await other.close()
    await expect(stat(dir)).rejects.toThrow('ENOENT')
    expect(await findDoor(long)).toBeNull()
  })

  it('reads messages whose bytes come one by one, and several in one chunk', async () => {
    const socket = await rawJoiner()
    for (const byte of query("insert into mark values ('slow')")) {
      socket.write(Buffer.from([byte]))
      await sleep(1)
    }
    expect(await nextReady(socket)).toContain('INSERT 0 1')
    const three = ['one', 'two', 'three'].map(name => query(`insert into mark values ('${name}')`))
    const whole = Buffer.concat([...three, query('select 7')])
    socket.write(whole.subarray(0, whole.length - 3))
    await sleep(20)
    socket.end(whole.subarray(-3))
    await eventually(async () => (await marks()).length === 4)
    await pglite.pool.query('delete from mark')
  })

  it('rolls back a joiner that goes without a word, wherever it stood', async () => {
    const endings = {
      'in a transaction': query('begin; insert into mark values (1)'),
      'in a failed transaction': Buffer.concat([query('begin; insert into mark values (1)'), query('select 1/0')]),
      'after an error that nobody synced': Buffer.concat([query('begin; insert into mark values (1)'), parse('selec')]),
      'before the Sync of its statement': Buffer.concat([
        parse('insert into mark values (1)'),
        message('B', '\0\0\0\0\0\0\0\0'),
        message('E', '\0\0\0\0\0'),
      ]),
      'in the middle of a message': query('select 1').subarray(0, 8),
      'with a message that no server knows': message('y', ''),
      'with a message that cannot be': Buffer.from('Q\0\0\0\x01'),
      'with a message that is too long': Buffer.from('Q\xff\xff\xff\xff', 'latin1'),
    }
    for (const [where, bytes] of Object.entries(endings)) {
      const socket = await rawJoiner()
      socket.end(bytes)
      expect(await marks(), where).toEqual([])
    }
  })

  it('lets a joiner that died while it waited pass by', async () => {
    const client = await pglite.pool.connect()
    const socket = connect(join((await findDoor(dataDir))!, '.s.PGSQL.5432'))
    socket.write(Buffer.concat([STARTUP, query("insert into mark values ('dead')").subarray(0, -1)]))
    await eventually(async () => pglite.pool.waitingCount === 1)
    socket.destroy()
    client.release()
    expect(await marks()).toEqual([])
  })

  it('cuts a joiner that holds the session too long, and rolls it back', async () => {
    const other = join(dataDir, 'impatient')
    await mkdir(other)
    const impatient = await openDoor({ ...pglite, dataDir: other, holdLimitMs: 300 })
    const client = await joiner(other)
    const ended = new Promise<void>(resolve => client.once('end', () => resolve()))
    await client.query("begin; insert into mark values ('stuck')")
    const keepsBusy = setInterval(() => client.query('select 1').catch(() => {}), 20)
    expect(await marks()).toEqual([])
    clearInterval(keepsBusy)
    await ended
    await impatient.close()
  })

  it('gives a joiner a session without the prepared statements of others', async () => {
    const named = { name: 'same', text: 'select 1 as n' }
    const other = { name: 'same', text: 'select 2 as n' }
    await pglite.pool.query(named)
    for (let round = 0; round < 2; round++) {
      const client = await joiner(dataDir)
      expect((await client.query(other)).rows).toEqual([{ n: 2 }])
      await client.end()
    }
    expect((await pglite.pool.query(named)).rows).toEqual([{ n: 1 }])
  })

  it('answers one joiner after the other', async () => {
    const first = await joiner(dataDir)
    await first.query('begin')
    await first.query("insert into mark values ('first')")
    let isSecondIn = false
    const second = joiner(dataDir).then(client => {
      isSecondIn = true
      return client
    })
    await eventually(async () => pglite.pool.waitingCount === 1)
    await first.query("insert into mark values ('first too')")
    expect(isSecondIn).toBe(false)
    await first.query('rollback')
    await first.end()
    const client = await second
    expect((await client.query('select name from mark')).rows).toEqual([])
    await client.end()
  })
})

describe('beside a server on PGlite, a command of the operator', () => {
  let server: Database
  beforeAll(async () => {
    const killed = await holder(dataDir, 'hold')
    await killed.kill('SIGKILL')
    expect((await stat(join(dataDir, 'pglite-socket', '.s.PGSQL.5432'))).isSocket()).toBe(true)
    expect(await findDoor(dataDir)).toBeNull()
    server = await openDatabase({ dataDir, log: silent })
  })
  afterAll(() => server?.close())

  const joined = async <T>(use: (database: Database) => Promise<T>): Promise<T> => {
    const database = await openDatabase({ dataDir, log: silent, join: true })
    try {
      return await use(database)
    } finally {
      await database.close()
    }
  }
  const insert = "insert into tenant (id, name, email) values ($1, 'Acme', $1)"
  const has = async (database: Database, id: string): Promise<boolean> =>
    (await database.sql.query('select 1 from tenant where id = $1', [id], 'has')).length === 1

  it('makes a tenant while the server answers, before, during and after', async () => {
    const env = { ...process.env, DATA_DIR: dataDir, NODE_ENV: 'development', DATABASE_URL: '' }
    const words = ['src/cli.ts', 'tenant', 'create', '--name', 'Acme', '--email', 'beside@acme.com']
    let isDone = false
    const command = promisify(execFile)(process.execPath, words, { env }).finally(() => {
      isDone = true
    })
    let slowestMs = 0
    for (let n = 0; n < 2_000 && !isDone; n++) {
      const startedMs = performance.now()
      expect(await server.sql.query('select $1::int as n', [n], 'count')).toEqual([{ n }])
      slowestMs = Math.max(slowestMs, performance.now() - startedMs)
      await sleep(10)
    }
    const created = JSON.parse((await command).stdout)
    expect(slowestMs).toBeLessThan(2_000)
    expect(await server.sql.query('select id from tenant')).toEqual([{ id: created.tenant_id }])
    expect(await server.sql.query('select 1 from api_key where tenant_id = $1', [created.tenant_id])).toHaveLength(1)
  })

  it('sees what the server committed, never what it is about to, and the server likewise', async () => {
    await joined(async command => {
      expect(command.describe).toMatch(/PGlite, joined/)
      let theirs: Promise<boolean> | undefined
      const order: string[] = []
      await server
        .transaction(async sql => {
          await sql.query(insert, ['undone'])
          theirs = has(command, 'undone').finally(() => order.push('seen'))
          await sleep(100)
          await sql.query('select 1')
          order.push('end')
          throw new Error('changed my mind')
        })
        .catch(() => {})
      expect(await theirs).toBe(false)
      let ours: Promise<boolean> | undefined
      await command.transaction(async sql => {
        await sql.query(insert, ['done'])
        ours = has(server, 'done').finally(() => order.push('seen'))
        await sleep(100)
        await sql.query("update tenant set name = 'B' where id = $1", ['done'])
        order.push('end')
      })
      expect(await ours).toBe(true)
      expect(order).toEqual(['end', 'seen', 'end', 'seen'])
    })
  })

  it('leaves the prepared statements of the server usable, and uses the same names itself', async () => {
    for (let round = 0; round < 2; round++) {
      expect(await has(server, 'nobody')).toBe(false)
      expect(await joined(command => has(command, 'nobody'))).toBe(false)
    }
  })

  it('does not keep the session from the server while it is idle', async () => {
    await joined(async command => {
      await command.sql.query('select 1')
      const startedMs = performance.now()
      await server.sql.query('select 1')
      expect(performance.now() - startedMs).toBeLessThan(1_000)
    })
  })

  it('is rolled back when it is killed in the middle of a transaction', async () => {
    const command = await holder(dataDir, 'join-and-stall')
    await command.until(() => command.lines.some(line => line.acked === 'stalled'))
    const answer = server.sql.query('select 1 from tenant where id = $1', ['stalled'])
    await command.kill('SIGKILL')
    expect(await answer).toEqual([])
  })
})
