import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, describe, expect, it } from 'vitest'
import { replaceSealed, SEALED, sealedAfter } from '../../src/db/queries/sealed.ts'
import { createVault } from '../../src/db/vault.ts'
import { letterPlace } from '../../src/resolvers/auth/letters.ts'
import { ALL_SEALED } from '../../src/resolvers/reseal.ts'
import { createSecrets } from '../../src/secrets.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'

/** What SECRET_KEY guards: through its change, under a wrong one, and where it must not be read. */

const A = 'first-key-of-the-rotation-0f1e2d3c4b5a69788796'
const B = 'second-key-of-the-rotation-a1b2c3d4e5f60718293a'
const C = 'a key that has never sealed a thing, 9182736450'
const CONTACT = '5511988870001'

let wataki: TestApp
afterEach(() => wataki?.close())

const rowsOf = (text: string, params: unknown[] = []): Promise<Json[]> => wataki.app.db.sql.query(text, params)
const stateOf = async (caller: Caller, id: string): Promise<Json> =>
  (await caller.get(`/v1/instances/${id}/status`)).body
const becomes = (caller: Caller, id: string, state: string) =>
  until(
    () => stateOf(caller, id),
    status => status.state === state,
    40_000,
  )

const say = (caller: Caller, id: string, text: string) =>
  caller.post(`/v1/instances/${id}/sandbox/messages`, { from: CONTACT, type: 'text', content: { text } })
const send = (caller: Caller, id: string, text: string) =>
  caller.post(
    `/v1/instances/${id}/messages`,
    { chat_id: CONTACT, type: 'text', content: { text } },
    { 'idempotency-key': text },
  )

const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

/** Where the file of a message can be had that nobody has asked for yet. */
async function receivedImage(caller: Caller, id: string): Promise<string> {
  const path = `/v1/instances/${id}`
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(PNG)]), 'dot.png')
  const headers = { 'x-api-key': caller.apiKey }
  const uploaded = await fetch(`${wataki.url}${path}/media`, { method: 'POST', body: form, headers })
  const media = { media_id: ((await uploaded.json()) as Json).id }
  await caller.post(`${path}/sandbox/messages`, { from: CONTACT, type: 'image', content: { media } })
  const { body } = await until(
    () => caller.get(`${path}/messages?chat_id=${CONTACT}`),
    ({ body }) => body.data?.length > 0,
  )
  return new URL(body.data[0].content.media.url).pathname
}

async function textsOf(caller: Caller, path: string): Promise<string[]> {
  const texts: string[] = []
  for (let cursor = ''; ; ) {
    const { body } = await caller.get(`${path}&limit=100${cursor}`)
    texts.push(...body.data.map((message: Json) => message.content?.text ?? ''))
    if (!body.page?.next_cursor && !body.next_cursor) return texts
    cursor = `&cursor=${body.page?.next_cursor ?? body.next_cursor}`
  }
}

/** All that was said and sent has arrived, decrypted, on either side. */
async function arrived(caller: Caller, id: string, { said, sent }: { said: string[]; sent: string[] }): Promise<void> {
  const path = `/v1/instances/${id}`
  const missing = async () => {
    const inChat = new Set(await textsOf(caller, `${path}/messages?chat_id=${CONTACT}`))
    const { body } = await caller.get(`${path}/sandbox/messages?contact=${CONTACT}`)
    const shown = new Set(body.data.map((message: Json) => message.content?.text))
    return [...said.filter(text => !inChat.has(text)), ...sent.filter(text => !shown.has(text))]
  }
  await until(missing, texts => texts.length === 0, 40_000)
}

/** Messages both ways, one after the other, until it is stopped; what was accepted is kept, and is to arrive. */
function traffic(caller: Caller, id: string) {
  const accepted = { said: [] as string[], sent: [] as string[] }
  let stopped = false
  const run = async (kept: string[], post: typeof say, name: string) => {
    for (let i = 0; !stopped; i++) {
      const text = `${name} ${i} of ${id}`
      const answer = await post(caller, id, text).catch(() => null)
      if (answer && answer.status < 300) kept.push(text)
      await new Promise(resolve => setTimeout(resolve, 60))
    }
  }
  const both = Promise.all([run(accepted.said, say, 'said'), run(accepted.sent, send, 'sent')])
  return {
    accepted,
    stop: () => {
      stopped = true
      return both
    },
  }
}

const reseal = async (keys: Record<string, string>): Promise<Json> => {
  const { databaseUrl, dataDir } = wataki.app.config
  const env = { ...process.env, NODE_ENV: 'test', DATABASE_URL: databaseUrl!, DATA_DIR: dataDir, ...keys }
  return JSON.parse((await promisify(execFile)(process.execPath, ['src/cli.ts', 'secrets', 'reseal'], { env })).stdout)
}

/** How many of all sealed rows do not open with this key alone. */
async function notUnder(key: string): Promise<Record<string, number>> {
  const secrets = createSecrets(key)
  const counted: Record<string, number> = {}
  for (const column of ALL_SEALED) {
    const rows = await sealedAfter(wataki.app.db.sql, column, { after: null, limit: 100_000 })
    const closed = rows.filter(row => {
      try {
        return secrets.reseal(row.sealed, column.place(...(row.key as never[]))) !== null
      } catch {
        return true
      }
    })
    counted[column.table] = (counted[column.table] ?? 0) + closed.length
  }
  return counted
}

/** Hashes, and pictures of what is not sealed either. */
const NO_SECRETS = [
  'api_key.hash',
  'first_answer.fingerprint',
  'inbox.hash',
  'mail_request.subject',
  'media.sha256',
  'media.thumbnail',
  'session.token_hash',
  'sign_in_link.hash',
]

const NOTHING = Object.fromEntries(ALL_SEALED.map(({ table }) => [table, 0]))

describe('a change of SECRET_KEY under traffic', () => {
  it('loses no session and no message: with the previous key, through a reseal, and then without it', async () => {
    wataki = await openTestApp({ SECRET_KEY: A })
    const caller = await wataki.tenant()
    const ids = [await connectedInstance(caller, 'one'), await connectedInstance(caller, 'two')]
    const url = await receivedImage(caller, ids[0]!)
    const letter = wataki.app.secrets.seal(Buffer.from('{}'), letterPlace('mail_kept'))
    await rowsOf(
      `insert into mail (id, letter, created_at, next_attempt_at, expires_at)
       values ('mail_kept', $1, now(), now() + interval '1 day', now() + interval '1 day')`,
      [letter],
    )
    const hooks = `/v1/instances/${ids[0]}/webhooks`
    const hook = await caller.post(hooks, { url: 'https://hooks.invalid/', events: ['qr.updated'] })
    await caller.post(`${hooks}/${hook.body.id}/rotate-secret`)
    const going = ids.map(id => traffic(caller, id))
    await until(
      () => going.every(({ accepted }) => accepted.said.length > 3 && accepted.sent.length > 3),
      enough => enough,
    )
    const { body: firstPage } = await caller.get('/v1/instances?limit=1')

    await wataki.restart({ SECRET_KEY: B, SECRET_KEY_PREVIOUS: A })
    for (const id of ids) await becomes(caller, id, 'connected')
    expect(await notUnder(B)).toMatchObject({ mail: 1, webhook: 2 })
    const cursor = firstPage.next_cursor ?? firstPage.page.next_cursor
    expect((await caller.get(`/v1/instances?limit=1&cursor=${cursor}`)).status).toBe(200)
    const { resealed, unopened } = await reseal({ SECRET_KEY: B, SECRET_KEY_PREVIOUS: A })
    expect(unopened).toEqual({})
    // The credentials are written at each login, so that they may be under it already.
    for (const table of ['signal_key', 'inbox', 'message', 'media', 'first_answer', 'mail', 'webhook'])
      expect([table, resealed[table] > 0]).toEqual([table, true])
    expect(await notUnder(B)).toEqual(NOTHING)
    expect(await reseal({ SECRET_KEY: B })).toEqual({ resealed: NOTHING, unopened: {} })

    await wataki.restart({ SECRET_KEY_PREVIOUS: '' })
    for (const id of ids) await becomes(caller, id, 'connected')
    const counts = going.map(({ accepted }) => accepted.sent.length)
    await until(
      () => going.every(({ accepted }, i) => accepted.sent.length > counts[i]! + 3),
      enough => enough,
    )
    for (const [i, { accepted, stop }] of going.entries()) {
      await stop()
      await arrived(caller, ids[i]!, accepted)
      expect(await stateOf(caller, ids[i]!)).toMatchObject({ state: 'connected' })
    }
    const file = await fetch(wataki.url + url, { headers: { 'x-api-key': caller.apiKey } })
    expect(Buffer.from(await file.arrayBuffer())).toEqual(PNG)
    // What was asked for before is still answered as it was.
    const again = await send(caller, ids[0]!, going[0]!.accepted.sent[0]!)
    expect([again.status < 300, again.headers.get('idempotency-replayed')]).toEqual([true, 'true'])
  }, 180_000)

  it('reaches every column of bytes, but those that are no secret', async () => {
    wataki = await openTestApp({ SECRET_KEY: A })
    const columns = await rowsOf(
      `select table_name || '.' || column_name as name from information_schema.columns
       where table_schema = 'public' and data_type = 'bytea'`,
    )
    const sealed = new Set(ALL_SEALED.map(({ table, column }) => `${table}.${column}`))
    const open = columns.map(each => each.name).filter(name => !sealed.has(name))
    expect(open.sort()).toEqual(NO_SECRETS)
  })

  it('leaves to the server what it writes while it is resealed', async () => {
    wataki = await openTestApp({ SECRET_KEY: A })
    const caller = await wataki.tenant()
    await connectedInstance(caller)
    const { sql } = wataki.app.db
    const [credential] = SEALED
    const [row] = await sealedAfter(sql, credential!, { after: null, limit: 1 })
    const sealed = Buffer.from('too late')
    const was = Buffer.concat([row!.sealed, Buffer.from('x')])
    expect(await replaceSealed(sql, credential!, { key: row!.key, was, sealed })).toBe(false)
    expect((await sealedAfter(sql, credential!, { after: null, limit: 1 }))[0]!.sealed).not.toEqual(sealed)
  }, 60_000)
})

describe('a wrong SECRET_KEY', () => {
  const kept = (id: string) =>
    rowsOf(
      `select 'credential' as of, '' as type, '' as id, md5(value) as was from credential where instance_id = $1
       union all select 'signal_key', type, id, md5(value) from signal_key where instance_id = $1
       union all select 'inbox', '', encode(hash, 'hex'), md5(plain) from inbox where instance_id = $1
       order by 1, 2, 3`,
      [id],
    )

  it('ends in error and writes nothing, whatever is asked; under the right one no scan is needed', async () => {
    wataki = await openTestApp({ SECRET_KEY: A })
    const caller = await wataki.tenant()
    const id = await connectedInstance(caller)
    await say(caller, id, 'before')
    await arrived(caller, id, { said: ['before'], sent: [] })
    await wataki.app.whatsapp.close()
    const before = await kept(id)
    const [{ phone_number }] = await rowsOf('select phone_number from instance where id = $1', [id])

    await wataki.restart({ SECRET_KEY: C })
    expect((await becomes(caller, id, 'error')).last_error).toContain('SECRET_KEY')
    await say(caller, id, 'meanwhile')
    expect((await caller.post(`/v1/instances/${id}/connect`)).body.status.state).toBe('error')
    expect(await caller.post(`/v1/instances/${id}/disconnect`)).toMatchObject({
      status: 200,
      body: { state: 'disconnected' },
    })
    expect((await caller.post(`/v1/instances/${id}/connect`)).body).toMatchObject({
      qr: null,
      status: { state: 'error' },
    })
    expect(await kept(id)).toEqual(before)
    expect(await rowsOf('select linked, phone_number from instance where id = $1', [id])).toEqual([
      { linked: true, phone_number },
    ])

    await wataki.restart({ SECRET_KEY: A })
    await becomes(caller, id, 'connected')
    await send(caller, id, 'after')
    await arrived(caller, id, { said: ['before', 'meanwhile'], sent: ['after'] })
  }, 120_000)

  it('of the Signal keys alone ends in error as soon as one is needed, and no session is replaced', async () => {
    wataki = await openTestApp({ SECRET_KEY: A })
    const caller = await wataki.tenant()
    const id = await connectedInstance(caller)
    await say(caller, id, 'before')
    await arrived(caller, id, { said: ['before'], sent: [] })
    await wataki.app.whatsapp.close()
    const { sql } = wataki.app.db
    const [row] = await sealedAfter(sql, SEALED[0]!, { after: null, limit: 1 })
    const sealed = createSecrets(C, A).reseal(row!.sealed, `credential|${id}|value`)!
    await replaceSealed(sql, SEALED[0]!, { key: row!.key, was: row!.sealed, sealed })
    const sessions = async () => (await kept(id)).filter(({ type }) => type === 'session')
    const before = await sessions()
    expect(before.length).toBeGreaterThan(0)

    await wataki.restart({ SECRET_KEY: C })
    await say(caller, id, 'meanwhile')
    expect((await becomes(caller, id, 'error')).last_error).toContain('SECRET_KEY')
    expect(await sessions()).toEqual(before)
    expect(await rowsOf('select linked from instance where id = $1', [id])).toEqual([{ linked: true }])
  }, 120_000)
})

/** Private keys of the session, as the vault opens them. */
async function privateKeys(instanceId: string): Promise<Buffer[]> {
  const vault = createVault({ sql: wataki.app.db.sql, secrets: wataki.app.secrets })
  const texts = [Buffer.from((await vault.credentials(instanceId))!).toString()]
  for (const type of ['session', 'pre-key']) {
    const rows = await rowsOf('select id from signal_key where instance_id = $1 and type = $2 order by id limit 8', [
      instanceId,
      type,
    ])
    const opened = await vault.read(
      instanceId,
      type,
      rows.map(({ id }) => id),
    )
    texts.push(...[...opened.values()].map(row => Buffer.from(row).toString()))
  }
  const inText = /"(?:private|privKey|rootKey)":(?:\{"type":"Buffer","data":)?"([A-Za-z0-9+/]{43}=)"/g
  return texts.flatMap(text => [...text.matchAll(inText)].map(([, base64]) => Buffer.from(base64!, 'base64')))
}

/** A key in each form that it could be written down in. */
const formsOf = (key: Buffer): Buffer[] => {
  const base64 = key.toString('base64')
  // Without its end it also is found inside of longer base64 that begins with it.
  const texts = [key.toString('hex'), key.toString('hex').toUpperCase(), base64.slice(0, 40)]
  return [key, ...[...texts, key.toString('base64url').slice(0, 40)].map(text => Buffer.from(text))]
}

async function dump(): Promise<Buffer[]> {
  const tables = await rowsOf(
    `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
  )
  const parts: Buffer[] = []
  for (const { name } of tables) {
    for (const row of await rowsOf(`select * from "${name}"`))
      parts.push(...Object.values(row).filter(value => Buffer.isBuffer(value)))
    for (const row of await rowsOf(`select t::text as text from "${name}" t`)) parts.push(Buffer.from(row.text))
  }
  return parts
}

describe('private keys', () => {
  it('are read nowhere: not in the tables, not in the files of the database and its log, not in the log', async () => {
    let logged = ''
    const log = createLog({ level: 'trace', json: true, to: { write: line => void (logged += line) } })
    wataki = await openTestApp({ SECRET_KEY: A, DATABASE_URL: '' }, log)
    const caller = await wataki.tenant()
    const id = await connectedInstance(caller)
    await say(caller, id, 'hello')
    await send(caller, id, 'hello to you')
    await arrived(caller, id, { said: ['hello'], sent: ['hello to you'] })
    const all = new Set((await privateKeys(id)).map(key => key.toString('hex')))
    const keys = [...all].slice(0, 12).map(hex => Buffer.from(hex, 'hex'))
    expect(keys.length).toBeGreaterThanOrEqual(10)
    const forms = keys.flatMap(formsOf)
    const hits = (where: Buffer) => forms.filter(form => where.includes(form)).length

    const tables = Buffer.concat(await dump())
    await rowsOf('checkpoint')
    const { dataDir } = wataki.app.config
    const files = globSync('**/*', { cwd: dataDir, withFileTypes: true, exclude: ['sandbox'] })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
    expect(files.some(file => file.includes('pg_wal'))).toBe(true)
    const found: Record<string, number> = { tables: hits(tables), log: hits(Buffer.from(logged)) }
    for (const file of files) found[file] = hits(await readFile(file))
    expect(Object.entries(found).filter(([, count]) => count > 0)).toEqual([])
    // The search finds what is there.
    expect([tables.includes('hello to you'), logged.includes('instance changed')]).toEqual([true, true])
    await rowsOf('update instance set description = $1', [keys.map(key => key.toString('base64')).join(' ')])
    expect(hits(Buffer.concat(await dump()))).toBeGreaterThanOrEqual(keys.length)
  }, 120_000)
})
