import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, openTestApp, type TestApp } from '../support/app.ts'
import { errorOf, home, jsonOf, run } from './cli.ts'

let wataki: TestApp
let acme: Caller
const file = join(home, '.config', 'wataki', 'login.json')
beforeAll(async () => {
  wataki = await openTestApp({ SANDBOX: 'off' })
  acme = await wataki.tenant('Acme')
})
afterAll(() => wataki.close())

const login = (key = acme.apiKey, ...words: string[]) =>
  run(['login', '--url', wataki.url, ...words], { input: `${key}\n` })

describe('wataki login', () => {
  it('keeps a key that the server takes, for its user alone, and shows it nowhere', async () => {
    const { code, out, err } = await login()
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toBe(`Signed in at ${wataki.url} as Acme (t1@example.com). The key is in ${file}.\n`)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await stat(join(file, '..'))).mode & 0o777).toBe(0o700)
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({ url: `${wataki.url}/`, api_key: acme.apiKey })
    const who = await jsonOf(['whoami'])
    expect(who).toMatchObject({
      url: `${wataki.url}/`,
      tenant: { name: 'Acme' },
      api_key_prefix: acme.apiKey.slice(0, 8),
    })
    expect(JSON.stringify(who) + out).not.toContain(acme.apiKey)
    expect(await jsonOf(['instances', 'list'])).toEqual({ data: [] })
  })

  it('makes the file closed again that somebody has opened, and follows XDG_CONFIG_HOME', async () => {
    await chmod(file, 0o644)
    expect((await login()).code).toBe(0)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const env = { XDG_CONFIG_HOME: join(home, 'elsewhere') }
    expect(await errorOf(['whoami'], { env })).toMatchObject({ exit: 2, code: 'usage' })
    const key = join(home, 'key')
    await writeFile(key, acme.apiKey)
    expect((await run(['login', '--url', wataki.url, '--api-key-file', key], { env })).code).toBe(0)
    await stat(join(home, 'elsewhere', 'wataki', 'login.json'))
  })

  it('says so when the key goes to another machine in the clear', async () => {
    const warning = 'The key goes over http, where others can read it.\n'
    expect((await login()).err).toBe('')
    // Another name of this machine: that it is, nobody can tell by it.
    const far = wataki.url.replace('127.0.0.1', '0.0.0.0')
    expect(await run(['login', '--url', far], { input: acme.apiKey })).toMatchObject({ code: 0, err: warning })
  })

  it('keeps the login that is there when the server does not take another key', async () => {
    await login()
    const before = await readFile(file, 'utf8')
    for (const [key, says] of [
      ['f'.repeat(64), 'unauthorized'],
      ['no key', 'unauthorized'],
    ] as const) {
      const refused = await run(['login', '--url', wataki.url, '--json'], { input: key })
      expect(refused).toMatchObject({ code: 1, out: '' })
      expect(JSON.parse(refused.err).error.code).toBe(says)
    }
    expect(await run(['login', '--url', wataki.url], { input: '' })).toMatchObject({ code: 2 })
    expect(await readFile(file, 'utf8')).toBe(before)
  })

  it('sends its key to its own server and to no other', async () => {
    await login()
    const heard: unknown[] = []
    const other = createServer((request, response) => {
      heard.push(request.headers['x-api-key'])
      response.end('{}')
    })
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    for (const settings of [{ env: { WATAKI_URL: url } }, {}]) {
      const words = ['instances', 'list', ...(settings.env ? [] : ['--url', url])]
      const refused = await errorOf(words, settings)
      expect(refused).toMatchObject({ exit: 2, message: expect.stringContaining(`the login is for ${wataki.url}`) })
    }
    // Nor does a folder that somebody else has written get the key of the environment.
    const folder = join(home, 'cloned')
    await mkdir(folder)
    await writeFile(join(folder, '.env'), `WATAKI_URL=${url}\n`)
    const settings = { cwd: folder, env: { WATAKI_API_KEY: acme.apiKey } }
    expect(await errorOf(['instances', 'list'], settings)).toMatchObject({ exit: 2, code: 'usage' })
    expect(heard).toEqual([])
    await writeFile(join(folder, '.env'), `WATAKI_URL=${wataki.url}\nWATAKI_API_KEY=${acme.apiKey}\n`)
    expect(await jsonOf(['instances', 'list'], { cwd: folder })).toEqual({ data: [] })
    other.close()
  })

  it('gives way to the environment, and that to the command line', async () => {
    await login()
    const other = await wataki.tenant('Other')
    const third = await wataki.tenant('Third')
    const env = { WATAKI_API_KEY: other.apiKey, WATAKI_URL: wataki.url }
    expect((await jsonOf(['whoami'])).tenant.name).toBe('Acme')
    expect((await jsonOf(['whoami'], { env })).tenant.name).toBe('Other')
    expect((await jsonOf(['whoami', '--api-key', third.apiKey], { env })).tenant.name).toBe('Third')
    expect((await jsonOf(['whoami', '--api-key-file', '-'], { env, input: third.apiKey })).tenant.name).toBe('Third')
  })

  it('ends with logout, and says so of a file that is damaged', async () => {
    await login()
    expect(await jsonOf(['logout'])).toEqual({ removed: true })
    expect(await jsonOf(['logout'])).toEqual({ removed: false })
    expect(await errorOf(['whoami'])).toMatchObject({ exit: 2, message: expect.stringContaining('there is no login') })
    await mkdir(join(file, '..'), { recursive: true })
    await writeFile(file, '{"url": 1')
    expect(await errorOf(['whoami'])).toMatchObject({ exit: 1, message: expect.stringContaining('is damaged') })
    await jsonOf(['logout'])
  })
})

describe('a server that is none', () => {
  it('is told apart: nothing answers, something else does, or it is busy', async () => {
    const env = { WATAKI_API_KEY: acme.apiKey }
    let left = 2
    const other = createServer((request, response) => {
      if (request.url === '/v1/instances?limit=200' && left-- > 0) {
        response
          .writeHead(503, { 'retry-after': '0' })
          .end('{"error":{"code":"unavailable","message":"busy","details":{}}}')
      } else
        response
          .writeHead(200)
          .end(request.url?.startsWith('/v1/instances?') ? '{"data":[],"page":{"next_cursor":null}}' : '<html>')
    })
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    expect(await jsonOf(['instances', 'list', '--url', url], { env })).toEqual({ data: [] })
    expect(left).toBe(-1)
    expect(await errorOf(['whoami', '--url', url], { env })).toMatchObject({ exit: 1, code: 'no_wataki' })
    await new Promise(resolve => other.close(resolve))
    expect(await errorOf(['instances', 'create', 'x', '--url', url], { env })).toMatchObject({
      exit: 1,
      code: 'unavailable',
      message: `no connection to ${url} (ECONNREFUSED)`,
    })
  })
})
