import { copyFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { MIGRATIONS } from '../../src/db/migrations/list.ts'
import { bytesOf, readArchive, writeArchive } from '../../src/operator/archive.ts'
import { folder, removeFolder, Server, startSandbox, until } from '../crash/processes.ts'
import type { Json } from '../support/app.ts'
import { errorOf, jsonOf, run } from './cli.ts'

// Servers, their databases and a network, one after the other.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const CONTACT = '5511977770001'
let dir: string
let network: Awaited<ReturnType<typeof startSandbox>>
let key: string
let bot: string
let mediaId: string
let file: string
/** The server that is backed up, and the empty one. */
let first: Server
let second: Server
const bytes = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)

const envOf = (server: Server) => ({ DATA_DIR: server.dataDir })

async function call(server: Server, method: string, path: string, body?: object | FormData): Promise<Json> {
  const json = body !== undefined && !(body instanceof FormData)
  const answer = await fetch(`${server.url}/v1/instances${path}`, {
    method,
    headers: { 'x-api-key': key, ...(json && { 'content-type': 'application/json' }) },
    body: json ? JSON.stringify(body) : (body as FormData | undefined),
  })
  return answer.headers.get('content-type')?.startsWith('application/json') ? answer.json() : answer
}

const messagesOf = async (server: Server): Promise<Json[]> =>
  (await call(server, 'GET', `/${bot}/messages?chat_id=${CONTACT}&limit=200`)).data

const send = (server: Server, text: string) =>
  call(server, 'POST', `/${bot}/messages`, { chat_id: CONTACT, type: 'text', content: { text } })
const hear = (server: Server, text: string) =>
  call(server, 'POST', `/${bot}/sandbox/messages`, { from: CONTACT, type: 'text', content: { text } })

beforeAll(async () => {
  dir = await folder()
  file = join(dir, 'wataki.tar.gz')
  network = await startSandbox(dir)
  const env = { SANDBOX: 'on', SANDBOX_URL: network.printed.SANDBOX_URL!, LOG_LEVEL: 'info' }
  first = new Server(join(dir), env, { name: 'first' })
  second = new Server(join(dir, 'second'), env, { name: 'second' })
  await mkdir(join(dir, 'second'))
  await first.start()
  key = await first.createTenant('Acme')
  bot = (await call(first, 'POST', '', { name: 'bot', sandbox: true })).id
  await call(first, 'POST', `/${bot}/connect`)
  await call(first, 'POST', `/${bot}/sandbox/scan`)
  const form = new FormData()
  form.set('file', new Blob([bytes]), 'dot.png')
  mediaId = (await call(first, 'POST', `/${bot}/media`, form)).id
  await hear(first, 'tab\there, "quotes", \\ and ünïcode 🎉\nand a line')
  for (let i = 0; i < 3; i++) await send(first, `before ${i}`)
  await until(async () => (await messagesOf(first)).filter(each => each.status === 'read').length >= 3, 'all is read')
})
afterAll(async () => {
  await first?.terminate()
  await second?.terminate()
  await network?.end()
  await removeFolder(dir)
})

describe('wataki backup', () => {
  it('writes database and media into one file of its user, beside the running server, and never the key', async () => {
    const made = await jsonOf(['backup', file], { env: envOf(first) })
    expect(made).toMatchObject({ file, files: 1, secret_key: 'not in the file', rows: expect.any(Number) })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const again = await errorOf(['backup', file], { env: envOf(first) })
    expect(again).toMatchObject({ exit: 2, message: expect.stringContaining('is there already') })
    const inside = gunzipSync(await readFile(file)).toString('latin1')
    const secret = (await readFile(join(first.dataDir, 'secret.key'), 'utf8')).trim()
    expect(inside.includes(secret)).toBe(false)
    expect(inside).toContain('"key_check"')
    const said = await run(['backup', `${file}.2`], { env: envOf(first) })
    expect(said.err).toContain(join(first.dataDir, 'secret.key'))
    expect(said.err).toMatch(/is not in it\. Keep that elsewhere/)
  })
})

describe('wataki restore', () => {
  it('refuses the database of a server that runs', async () => {
    const env = envOf(first)
    expect(await errorOf(['restore', file], { env })).toMatchObject({
      exit: 1,
      code: 'database',
      message: expect.stringContaining('in use'),
    })
    await first.terminate()
    expect(await errorOf(['restore', file], { env })).toMatchObject({ exit: 1, code: 'not_empty' })
  })

  it('refuses another key than that of the backup, and makes none up', async () => {
    const env = envOf(second)
    expect(await errorOf(['restore', file], { env })).toMatchObject({
      exit: 1,
      code: 'other_key',
      message: expect.stringMatching(/^there is no SECRET_KEY/),
    })
    const other = { ...env, SECRET_KEY: 'another key of thirty-two characters' }
    expect(await errorOf(['restore', file], { env: other })).toMatchObject({
      code: 'other_key',
      message: expect.stringMatching(/^SECRET_KEY is not the one/),
    })
    expect(await stat(second.dataDir).catch(() => null)).toBeNull()
  })

  it('refuses a file that was cut or changed, before it touches anything', async () => {
    const whole = await readFile(file)
    const env = { ...envOf(second), SECRET_KEY_FILE: join(first.dataDir, 'secret.key') }
    const tar = gunzipSync(whole)
    const at = tar.indexOf('before 1')
    const changed = Buffer.from(tar)
    changed.write('behind', at)
    const end = tar.indexOf('end.json')
    for (const [what, content] of [
      ['cut', whole.subarray(0, whole.length / 2)],
      ['changed', gzipSync(changed)],
      ['without an end', gzipSync(Buffer.concat([tar.subarray(0, end), Buffer.alloc(1024)]))],
      ['none', Buffer.from('hello')],
    ] as const) {
      const path = join(dir, 'bad.tar.gz')
      await writeFile(path, content)
      const refused = await errorOf(['restore', path], { env })
      expect(refused, what).toMatchObject({
        exit: 1,
        code: 'failed',
        message: expect.stringMatching(/damaged|not whole|no backup/),
      })
    }
    expect(await stat(second.dataDir).catch(() => null)).toBeNull()
    expect(await jsonOf(['restore', file, '--check'], { env })).toMatchObject({ restored: false, files: 1, gone: [] })
    expect(await stat(second.dataDir).catch(() => null)).toBeNull()
  })

  it('refuses a backup of a newer version, and says so', async () => {
    const env = { ...envOf(second), SECRET_KEY_FILE: join(first.dataDir, 'secret.key') }
    const tar = gunzipSync(await readFile(file))
    const { name } = MIGRATIONS.at(-1)!
    for (const [here, newer] of [
      ['"format":1', '"format":2'],
      [`"${name}"`, `"${name.replaceAll(/\d/g, '9')}"`],
    ] as const) {
      const changed = Buffer.from(tar)
      changed.write(newer, tar.indexOf(here))
      const path = join(dir, 'newer.tar.gz')
      await writeFile(path, gzipSync(changed))
      expect(await errorOf(['restore', path], { env }), newer).toMatchObject({
        exit: 1,
        message: expect.stringMatching(/^the backup is of Wataki [\d.]+, which is newer than this: update first$/),
      })
    }
    expect(await stat(second.dataDir).catch(() => null)).toBeNull()
  })

  it('leaves nothing behind of a backup that cannot be restored after all', async () => {
    const env = { ...envOf(second), SECRET_KEY_FILE: join(first.dataDir, 'secret.key') }
    const path = join(dir, 'orphans.tar.gz')
    // As whole as the other, but whose all of it is, is not in it.
    await writeArchive(path, async writer => {
      for await (const entry of readArchive(file)) {
        const bytes = await bytesOf(entry)
        if (entry.name === 'end.json') {
          const end = { ...JSON.parse(bytes.toString()), sha256: writer.sha256() }
          await writer.add('end.json', Buffer.from(JSON.stringify(end)))
        } else if (!entry.name.startsWith('rows/tenant/')) await writer.add(entry.name, bytes)
      }
    })
    expect(await errorOf(['restore', path], { env })).toMatchObject({
      exit: 1,
      message: expect.stringContaining('violates foreign key constraint'),
    })
    const left = await readdir(join(second.dataDir, 'media'), { recursive: true, withFileTypes: true })
    expect(left.filter(each => each.isFile())).toEqual([])
  })

  it('fills an empty server: messages and media are there, and the phone stays linked with no new scan', async () => {
    const env = { ...envOf(second), SECRET_KEY_FILE: join(first.dataDir, 'secret.key') }
    const restored = await jsonOf(['restore', file], { env })
    expect(restored).toMatchObject({ restored: true, files: 1, gone: [] })
    await copyFile(join(first.dataDir, 'secret.key'), join(second.dataDir, 'secret.key'))
    await second.start()
    const state = async () => (await call(second, 'GET', `/${bot}`)).status.state
    await until(async () => (await state()) === 'connected', 'it is connected again')
    const before = await messagesOf(second)
    expect(before.map(each => each.content.text).sort()).toEqual(
      ['before 0', 'before 1', 'before 2', 'tab\there, "quotes", \\ and ünïcode 🎉\nand a line'].sort(),
    )
    const content = await call(second, 'GET', `/${bot}/media/${mediaId}/content`)
    expect(Buffer.from(await content.arrayBuffer()).equals(bytes)).toBe(true)
    const sent = await send(second, 'after')
    await hear(second, 'still there')
    await until(async () => (await messagesOf(second)).length === 6, 'the answer is there')
    await until(async () => (await call(second, 'GET', `/${bot}/messages/${sent.id}`)).status === 'read', 'it was read')
    const shown = await call(second, 'GET', `/${bot}/sandbox/messages?contact=${CONTACT}`)
    expect(shown.data.map((each: Json) => each.content.text)).toContain('after')
    await second.terminate()
    expect(await errorOf(['restore', file], { env })).toMatchObject({ exit: 1, code: 'not_empty' })
  })
})
