import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, openTestApp, type TestApp, until } from '../support/app.ts'
import { exchange, MULTIPART, multipart } from '../support/media.ts'
import { type Polyglot, polyglots } from '../support/polyglots.ts'

/** What a browser makes of hostile files: Chromium itself looks at them, as pages and from within pages of the same origin. */

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path =>
  existsSync(path),
)
if (!CHROMIUM && process.env.CI) throw new Error('there is no Chromium here, and in CI there must be one')
if (!CHROMIUM) process.stderr.write('LEFT OUT: hostile files in a browser, because there is no Chromium here\n')

/** After everything is loaded. */
const SETTLE_MS = 3000
const VISIT_MAX_MS = 120_000

describe.skipIf(!CHROMIUM)('a hostile file in Chromium', () => {
  let wataki: TestApp
  let caller: Caller
  let profile: string
  let front: Server
  let origin: string
  const ran: string[] = []
  const asked: string[] = []
  const done = new Set<string>()
  const pages = new Map<string, string>()

  beforeAll(async () => {
    wataki = await openTestApp()
    caller = await wataki.tenant()
    profile = await mkdtemp(join(tmpdir(), 'wataki-chromium-'))
    // In front of the server, so that the browser has a key, pages of the same origin, and an address that counts.
    front = createServer((req, res) => {
      if (req.url!.startsWith('/ran')) ran.push(decodeURIComponent(req.url!.slice(5)))
      if (req.url!.startsWith('/done')) done.add(req.url!.slice(6))
      asked.push(req.url!)
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

  /** Resolves when the page says that it, and all that it opened, has had its time. */
  async function visit(path: string): Promise<void> {
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--disable-popup-blocking',
      '--no-first-run',
      `--user-data-dir=${join(profile, path)}`,
    ]
    const browser = spawn(CHROMIUM!, [...flags, origin + path], { stdio: 'ignore', detached: true })
    try {
      await until(
        () => done.has(path),
        isDone => isDone,
        VISIT_MAX_MS,
      )
    } finally {
      const gone = once(browser, 'exit')
      // It and its children, which are a group of their own.
      process.kill(-browser.pid!, 'SIGKILL')
      await gone
    }
  }

  /** Opens each address as a page of its own, and has it in itself in every way there is. */
  function show(path: string, addresses: string[]): void {
    const inside = addresses.map(
      src =>
        `<iframe src="${src}"></iframe><object data="${src}"></object><embed src="${src}"><img src="${src}"><script src="${src}"></script>`,
    )
    const opened = `for (const src of ${JSON.stringify(addresses)}) open(src)`
    const told = `onload = () => setTimeout(() => fetch('/done?${path}'), ${SETTLE_MS})`
    pages.set(path, `<html><body><script>${opened};${told}</script>${inside.join('')}</body></html>`)
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

  it('would run where nobody serves it safely: the browser works, and so does the counting', async () => {
    const known = polyglots().filter(({ what }) => what === 'html' || what === 'html after blanks')
    for (const { what, bytes } of known) pages.set(`/unsafe/${encodeURIComponent(what)}`, String(bytes))
    show(
      '/control',
      known.map(({ what }) => `/unsafe/${encodeURIComponent(what)}`),
    )
    await visit('/control')
    for (const { what } of known) expect(ran).toContain(what)
    ran.length = 0
  }, 150_000)

  it('runs no script, in 25 shapes, opened as a page and embedded in every way', async () => {
    const files = polyglots()
    expect(files).toHaveLength(25)
    const instanceId = (await caller.post('/v1/instances', { name: 'bot' })).body.id
    const addresses = []
    for (const file of files) addresses.push(await upload(instanceId, file))
    show('/all', addresses)
    await visit('/all')
    for (const address of addresses) expect(asked.filter(each => each === address).length).toBeGreaterThanOrEqual(2)
    expect(ran).toEqual([])
  }, 150_000)
})
