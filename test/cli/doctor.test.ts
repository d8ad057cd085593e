import { chmod, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Json, openTestApp, type TestApp } from '../support/app.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { run } from './cli.ts'

let dir: string
let database: TestDatabase
let wataki: TestApp
/** Another program, on a port that was meant for ours. */
let other: Server
const KEY = 'the key that all of it was sealed with'
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'wataki-doctor-'))
  database = await testDatabase()
  wataki = await openTestApp({ DATABASE_URL: database.url, SECRET_KEY: KEY })
  other = createServer((_, response) => response.end('<html>'))
  await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
}, 60_000)
afterAll(async () => {
  await wataki?.close()
  await database?.drop()
  other.close()
  await rm(dir, { recursive: true, force: true })
})

const portOf = (server: { address(): unknown }) => String((server.address() as AddressInfo).port)

/** What it finds, by name; each fail says what to do, and they alone make the exit code. */
async function doctor(env: Record<string, string>): Promise<Record<string, Json>> {
  const { code, out, err } = await run(['doctor', '--json'], {
    env: { PORT: '1', HOST: '127.0.0.1', DATA_DIR: dir, ...env },
  })
  expect(err).toBe('')
  const { ok, checks } = JSON.parse(out)
  const failed = checks.filter((check: Json) => check.status === 'fail')
  expect({ ok, code }).toEqual({ ok: failed.length === 0, code: failed.length === 0 ? 0 : 1 })
  for (const check of checks) expect(check.fix === null, check.name).toBe(check.status === 'ok')
  return Object.fromEntries(checks.map((check: Json) => [check.name, check]))
}

const statuses = (found: Record<string, Json>) =>
  Object.fromEntries(Object.entries(found).map(([name, { status }]) => [name, status]))

describe('wataki doctor', () => {
  it('finds a server well that is, and one well that was never started, and makes nothing', async () => {
    const office = new SMTPServer({ authOptional: true, disabledCommands: ['STARTTLS'] })
    await new Promise<void>(resolve => office.listen(0, '127.0.0.1', resolve))
    const { port } = new URL(wataki.url)
    const found = await doctor({
      DATABASE_URL: database.url,
      SECRET_KEY: KEY,
      PORT: port,
      PUBLIC_URL: wataki.url,
      SMTP_URL: `smtp://127.0.0.1:${portOf(office.server)}`,
    })
    await new Promise<void>(resolve => office.close(() => resolve()))
    expect(found).toMatchObject({
      port: { status: 'ok', says: `a Wataki serves on ${port}, and is ready` },
      'public url': { status: 'ok', says: `${wataki.url} leads to a Wataki` },
      mail: { status: 'ok' },
      clock: { status: 'ok' },
    })
    expect(new Set(Object.values(statuses(found)))).toEqual(new Set(['ok']))
    const fresh = join(dir, 'fresh')
    const none = await doctor({ DATA_DIR: fresh, PORT: '0' })
    expect(none.database).toMatchObject({ status: 'ok', says: `is made in ${fresh} at the first start` })
    expect(await readdir(dir)).toEqual([])
  })

  it('finds what is wrong around a server, all of it at once, and prints a line for each with what to do', async () => {
    const file = join(dir, 'file')
    await writeFile(file, '')
    const env = {
      DATA_DIR: join(file, 'data'),
      DATABASE_URL: 'postgres://postgres@127.0.0.1:1/none',
      PORT: portOf(other),
      SMTP_URL: 'smtp://127.0.0.1:1',
      SANDBOX_URL: 'http://127.0.0.1:1/none',
    }
    const found = await doctor(env)
    await rm(file)
    expect(statuses(found)).toMatchObject({
      'data dir': 'fail',
      database: 'fail',
      port: 'fail',
      mail: 'fail',
      sandbox: 'fail',
    })
    expect(found.database.says).toMatch(/^no database answers \(DATABASE_URL at 127\.0\.0\.1:1\): /)
    expect(found.port).toMatchObject({
      says: `another program listens on ${env.PORT}`,
      fix: expect.stringContaining('PORT'),
    })
    const text = await run(['doctor'], { env: { ...env, PORT: 'eighty' } })
    expect(text).toMatchObject({ code: 1, err: '' })
    expect(text.out).toMatch(
      /^ok {4}node .*\nfail {2}settings {4}PORT: .*\n {18}→ correct it .*\n\n1 ok, 0 warnings, 1 failed\.\n$/,
    )
  })

  it('finds the wrong key, phones that are not linked and receivers that take nothing', async () => {
    const acme = await wataki.tenant()
    const { body: bot } = await acme.post('/v1/instances', { name: 'bot' })
    const { body: hook } = await acme.post(`/v1/instances/${bot.id}/webhooks`, {
      url: 'https://gone.invalid/hook',
      events: ['message.received'],
    })
    await wataki.app.db.sql.query("update instance set state = 'logged_out', last_error = 'gone' where id = $1", [
      bot.id,
    ])
    await wataki.app.db.sql.query(
      "update webhook set active = false, disabled_reason = 'gone', disabled_at = now() where id = $1",
      [hook.id],
    )
    const env = {
      DATABASE_URL: database.url,
      PORT: new URL(wataki.url).port,
      PUBLIC_URL: `http://127.0.0.1:${portOf(other)}`,
    }
    const found = await doctor({ ...env, SECRET_KEY: 'another key than that of the server' })
    expect(found).toMatchObject({
      encryption: { status: 'fail', says: 'SECRET_KEY does not open what is in webhook' },
      instances: { status: 'warn', says: `${bot.id} is logged_out (gone)`, fix: `wataki instances connect ${bot.id}` },
      webhooks: { status: 'warn', says: `${hook.id} at gone.invalid was deactivated` },
      'public url': { status: 'fail' },
    })
    expect((await doctor({ ...env })).encryption).toMatchObject({
      status: 'fail',
      says: expect.stringMatching(/^there is no SECRET_KEY/),
    })
    expect(await readdir(dir)).toEqual([])
    await writeFile(join(dir, 'secret.key'), KEY)
    await chmod(join(dir, 'secret.key'), 0o644)
    const open = await doctor(env)
    expect(open).toMatchObject({
      encryption: { status: 'ok' },
      'secret key': { status: 'warn', fix: `chmod 600 ${join(dir, 'secret.key')}` },
    })
  })

  it('finds a clock that is wrong, by that of the database', async () => {
    const preload = pathToFileURL(join(import.meta.dirname, '../nodes/clock-shift.ts')).href
    const env = { DATABASE_URL: database.url, SECRET_KEY: KEY, NODE_OPTIONS: `--import=${preload}` }
    for (const [shiftMs, status, says] of [
      [-3_600_000, 'fail', 'behind that of the database'],
      [60_000, 'warn', 'ahead of that of the database'],
    ] as const) {
      const { clock } = await doctor({ ...env, CLOCK_SHIFT_MS: String(shiftMs) })
      expect(clock).toMatchObject({ status, says: expect.stringContaining(says) })
    }
  })

  // Where nothing is free, whatever the machine has.
  it.runIf(process.platform === 'linux')('finds a disk that is full', async () => {
    const found = await doctor({ DATABASE_URL: database.url, SECRET_KEY: KEY, DATA_DIR: '/sys/wataki' })
    expect(found.disk).toMatchObject({ status: 'fail', says: '0.0 GiB are free for /sys/wataki' })
  })

  it('finds tables of another version, and leaves them as they are', async () => {
    const { sql } = wataki.app.db
    const rows = () => sql.query<{ name: string }>('select name from migration order by id')
    const all = await rows()
    const last = all.at(-1)!.name
    await sql.query('delete from migration where name = $1', [last])
    const env = { DATABASE_URL: database.url, SECRET_KEY: KEY }
    expect((await doctor(env)).schema).toMatchObject({ status: 'warn', says: '1 migrations are to run' })
    expect(await rows()).toEqual(all.slice(0, -1))
    await sql.query("insert into migration (name) values ($1), ('m9999-of-the-future')", [last])
    expect((await doctor(env)).schema).toMatchObject({
      status: 'fail',
      says: expect.stringContaining('m9999-of-the-future'),
    })
    await sql.query("delete from migration where name = 'm9999-of-the-future'")
    await sql.query(`alter database ${new URL(database.url).pathname.slice(1)} set default_transaction_read_only = on`)
    expect((await doctor(env)).database).toMatchObject({
      status: 'fail',
      says: expect.stringContaining('takes no writes'),
    })
  })
})
