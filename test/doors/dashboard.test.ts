import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDashboard } from '../../src/http/dashboard.ts'
import { type Door, openDoor } from './door.ts'

const PAGE = '<!doctype html><title>the page</title>'
const SCRIPT = 'export const answer = 42'
const HTML = { accept: 'text/html,application/xhtml+xml' }

describe('the built dashboard', () => {
  let directory: string
  let door: Door

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'wataki-dist-'))
    mkdirSync(join(directory, 'assets'))
    writeFileSync(join(directory, 'index.html'), PAGE)
    writeFileSync(join(directory, 'favicon.svg'), '<svg/>')
    writeFileSync(join(directory, '.built-from'), 'secret')
    writeFileSync(join(directory, 'assets', 'main-1a2b.js'), SCRIPT)
    writeFileSync(join(directory, 'assets', 'main-1a2b.js.br'), brotliCompressSync(SCRIPT))
    writeFileSync(join(directory, 'assets', 'main-1a2b.js.gz'), gzipSync(SCRIPT))
    door = await openDoor({ dashboard: openDashboard(directory) })
  })
  afterAll(async () => {
    await door.close()
    rmSync(directory, { recursive: true })
  })

  const call = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    door.call(path, { key: null, headers, method })

  it('is at /, under a policy that lets nothing from elsewhere in and no script stand in the page', async () => {
    const { status, text, headers } = await call('/')
    expect([status, text]).toEqual([200, PAGE])
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(headers.get('cache-control')).toBe('no-cache')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    const policy = headers.get('content-security-policy')!.split('; ')
    expect(Object.fromEntries(policy.map(each => each.split(/ (.*)/)))).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self' 'unsafe-inline'",
      'img-src': "'self' data: blob:",
      'media-src': "'self' blob:",
      'font-src': "'self'",
      'connect-src': "'self'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'frame-ancestors': "'none'",
    })
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin')
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.get('x-frame-options')).toBe('DENY')
  })

  it('is the answer to addresses of its router, and only to who wants a page', async () => {
    for (const path of ['/login', '/instances', '/i/inst_1/chats/55@s.whatsapp.net', '/docs?x=1']) {
      expect((await call(path, HTML)).text, path).toBe(PAGE)
      const other = await call(path, { accept: 'application/json' })
      expect([other.status, other.json.error.code], path).toEqual([404, 'not_found'])
      expect((await call(path, HTML, 'POST')).status, path).toBe(404)
    }
  })

  it('is the answer to each address that its router has', async () => {
    const router = readFileSync(join(import.meta.dirname, '../../dashboard/src/app/router.tsx'), 'utf8')
    const paths = [...router.matchAll(/getParentRoute: \(\) => (?:root|gate),\s+path: '([^']+)'/g)].map(
      ([, path]) => path!,
    )
    expect(paths.length).toBeGreaterThan(8)
    for (const path of paths) expect((await call(path, HTML)).text, path).toBe(PAGE)
  })

  it('leaves all other addresses alone', async () => {
    for (const path of ['/v1/nothing', '/v2', '/instancesx', '/metrics', '/assets/none.js', '/assets/', '/i.html']) {
      const { status, text } = await call(path, HTML)
      expect([path, status < 400, text.includes('the page')]).toEqual([path, false, false])
    }
    expect((await call('/healthz', HTML)).text).toBe('{"status":"ok"}')
  })

  it('gives what has a hash in its name for good, in the encoding that was asked for', async () => {
    const path = '/assets/main-1a2b.js'
    const get = async (encoding: string) => {
      const answer = await fetch(door.url + path, { headers: { 'accept-encoding': encoding } })
      return [answer.headers.get('content-encoding'), await answer.text()]
    }
    expect(await get('gzip, deflate, br')).toEqual(['br', SCRIPT])
    expect(await get('gzip')).toEqual(['gzip', SCRIPT])
    expect(await get('br;q=0, gzip;q=0.5')).toEqual(['gzip', SCRIPT])
    expect(await get('identity')).toEqual([null, SCRIPT])
    const { headers } = await call(path)
    expect(headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(headers.get('vary')).toBe('Accept-Encoding')
    expect(headers.get('content-type')).toBe('text/javascript; charset=utf-8')
  })

  it('is not sent again to who has it', async () => {
    const etag = (await call('/')).headers.get('etag')!
    const again = await call('/', { 'if-none-match': etag })
    expect([again.status, again.text]).toEqual([304, ''])
    const head = await call('/', {}, 'HEAD')
    expect([head.status, head.text, head.headers.get('content-length')]).toEqual([200, '', String(PAGE.length)])
  })

  it('gives nothing that is not meant to be given', async () => {
    for (const path of [
      '/.built-from',
      '/assets/main-1a2b.js.br',
      '/../package.json',
      '/assets/..%2f.built-from',
      '/%2e%2e/x',
    ]) {
      expect((await call(path)).status, path).toBe(404)
    }
  })

  it('that is not there leaves its place to a page that says what there is', async () => {
    expect(openDashboard(join(directory, 'assets'))).toBe(null)
    const without = await openDoor({ dashboard: null })
    const { text, headers } = await without.call('/', { key: null })
    expect(text).toContain('Wataki is running')
    expect(text).toContain('href="/graphql"')
    expect(text).not.toMatch(/https?:\/\//)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect((await without.call('/instances', { key: null, headers: HTML })).status).toBe(404)
    await without.close()
  })
})
