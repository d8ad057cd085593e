import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, openTestApp, type TestApp } from '../support/app.ts'
import { exchange, MULTIPART, multipart } from '../support/media.ts'
import { type Polyglot, polyglots } from '../support/polyglots.ts'

/** What a browser makes of hostile files: Chromium itself looks at them, as pages and from within pages of the same origin. */

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path =>
  existsSync(path),
)
if (!CHROMIUM && process.env.CI) throw new Error('there is no Chromium here, and in CI there must be one')
if (!CHROMIUM) process.stderr.write('LEFT OUT: hostile files in a browser, because there is no Chromium here\n')

const BUDGET_MS = 1500
const AT_ONCE = 3

describe.skipIf(!CHROMIUM)('a hostile file in Chromium', () => {
  let wataki: TestApp
  let caller: Caller
  let profile: string
  let front: Server
  let origin: string
  const ran: string[] = []
  const pages = new Map<string, string>()

  beforeAll(async () => {
    wataki = await openTestApp()
    caller = await wataki.tenant()
    profile = await mkdtemp(join(tmpdir(), 'wataki-chromium-'))
    // In front of the server, so that the browser has a key, pages of the same origin, and an address that counts.
    front = createServer((req, res) => {
      if (req.url!.startsWith('/ran')) ran.push(decodeURIComponent(req.url!.slice(5)))
      const page = pages.get(req.url!)
      if (page !== undefined || !req.url!.startsWith('/v1/')) {
        return void res.writeHead(page === undefined ? 404 : 200, { 'content-type': 'text/html' }).end(page)
      }
      const headers = { ...req.headers, 'x-api-key': caller.apiKey }
      const on = request(wataki.url + req.url, { headers }, answer => {
        res.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(res)
      })
      on.once('error', () => res.destroy())
      req.pipe(on)
    })
    await new Promise<void>(resolve => front.listen(0, '127.0.0.1', resolve))
    origin = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  }, 60_000)
  afterAll(async () => {
    front?.closeAllConnections()
    front?.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
    await wataki?.close()
  })

  /** Resolves when the page has had its time. */
  async function visit(path: string, name: string): Promise<void> {
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--no-first-run',
      `--user-data-dir=${join(profile, name)}`,
      `--virtual-time-budget=${BUDGET_MS}`,
      '--dump-dom',
    ]
    await promisify(execFile)(CHROMIUM!, [...flags, origin + path], { timeout: 60_000, killSignal: 'SIGKILL' }).catch(
      // A download ends the visit without a page.
      error => error.killed && Promise.reject(error),
    )
  }

  async function upload(instanceId: string, { bytes, filename, claimed }: Polyglot): Promise<string> {
    const { status, body } = await exchange(`${wataki.url}/v1/instances/${instanceId}/media`, {
      method: 'POST',
      headers: { 'x-api-key': caller.apiKey, ...MULTIPART },
      write: call => call.end(multipart([{ name: 'file', filename, type: claimed, bytes }])),
    })
    if (status !== 201) throw new Error(JSON.stringify(body))
    return `/v1/instances/${instanceId}/media/${body.id}/content`
  }

  it('is seen to run where nobody serves it safely: the browser works, and so does the counting', async () => {
    for (const { what, bytes } of polyglots().filter(({ what }) => what === 'html' || what === 'script')) {
      pages.set(`/unsafe/${what}`, what === 'script' ? `<script>${bytes}</script>` : String(bytes))
      await visit(`/unsafe/${what}`, 'control')
      expect(ran, what).toContain(what)
    }
    ran.length = 0
  }, 120_000)

  it('runs no script, in 25 shapes, opened or embedded in every way', async () => {
    const files = polyglots()
    expect(files).toHaveLength(25)
    const instanceId = (await caller.post('/v1/instances', { name: 'bot' })).body.id
    const left = await Promise.all(files.map(file => upload(instanceId, file)))
    const embedded = left.map(
      path =>
        `<iframe src="${path}"></iframe><object data="${path}"></object><embed src="${path}"><img src="${path}"><script src="${path}"></script>`,
    )
    pages.set('/all', `<html><body>${embedded.join('')}</body></html>`)
    const visits = ['/all', ...left]
    const worker = async (name: string) => {
      for (let path = visits.shift(); path !== undefined; path = visits.shift()) await visit(path, name)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => worker(`worker-${i}`)))
    expect(ran).toEqual([])
  }, 400_000)
})
