import { correction, generate } from 'lean-qr'
import { toSvgPath } from 'lean-qr/extras/svg'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { signUp } from '../support/auth.ts'
import { CHROMIUM, openBrowser, signIn, type TestBrowser } from '../support/browser.ts'
import { type Line, openLine } from '../support/line.ts'

/**
 * Whether the page shows what is: codes no longer than they are good, the state as the engine tells it, and that it hears nothing. Its
 * clock is an hour behind.
 */

const QR = 'QR code to scan with WhatsApp'
const RAN_OUT = 'The codes ran out: none was scanned in time.'
/** That WhatsApp gives at a time. */
const CODES = 6

interface Seen {
  atMs: number
  /** Of the code that is shown. */
  path: string | null
  /** The badge beside the name. */
  state: string | null
}

/** In the page, from its beginning. */
function watch(): void {
  const now = Date.now
  Date.now = () => now() - 3_600_000
  const seen: Seen[] = []
  Object.assign(window, { seen })
  const look = () => {
    const path = document.querySelector('svg[role=img] path')?.getAttribute('d') ?? null
    const state = document.querySelector('h1 + span')?.textContent ?? null
    seen.push({ atMs: now(), path, state })
  }
  setInterval(look, 100)
  document.addEventListener('DOMContentLoaded', () =>
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true }),
  )
}

const seenBy = (page: Page): Promise<Seen[]> => page.evaluate(() => (window as unknown as { seen: Seen[] }).seen)

const pathOf = (qr: string): string => toSvgPath(generate(qr, { minCorrectionLevel: correction.L }))

describe.skipIf(!CHROMIUM)('the page', () => {
  let wataki: TestApp
  let line: Line
  let browser: TestBrowser
  let page: Page
  let cookie: string

  beforeAll(async () => {
    wataki = await openTestApp({ SANDBOX_QR_SECONDS: '5' })
    line = await openLine(wataki.url)
    browser = await openBrowser(line.url)
    const context = await browser.open()
    await context.addInitScript(watch)
    page = await context.newPage()
    await signIn(page, await signUp(wataki, 'live@example.com'))
    const [session] = await context.cookies()
    cookie = `${session!.name}=${session!.value}`
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await line?.close()
    await wataki?.close()
  })

  /** By the session, past the line. */
  async function ask(query: string): Promise<Json> {
    const headers = { cookie, origin: wataki.url, 'content-type': 'application/json' }
    const answer = await fetch(`${wataki.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query }) })
    const { data, errors } = (await answer.json()) as Json
    if (errors) throw new Error(JSON.stringify(errors))
    return data
  }

  const liveness = (text: string) => page.getByRole('complementary').getByText(text, { exact: true })

  const create = async (name: string): Promise<string> =>
    (await ask(`mutation { createInstance(input: { name: "${name}", sandbox: true }) { id } }`)).createInstance.id

  const eventsOf = async (id: string): Promise<{ event: string; data: Json }[]> =>
    (await ask(`{ events(instanceId: "${id}", after: "0", limit: 100) { data { event data } } }`)).events.data

  /** Each with the path of its picture. */
  async function codesOf(id: string): Promise<{ path: string; expiresMs: number }[]> {
    const told = (await eventsOf(id)).filter(({ event }) => event === 'qr_updated')
    return told.map(({ data }) => ({ path: pathOf(data.qr), expiresMs: Date.parse(data.expires_at) }))
  }

  /** In two looks one after the other: the page had its turn between them. */
  async function shownTooLong(id: string): Promise<Seen[]> {
    const codes = await codesOf(id)
    const isPast = ({ path, atMs }: Seen) => {
      const code = codes.find(each => each.path === path)
      if (path !== null && !code) throw new Error('it shows a code that nobody told')
      return code !== undefined && atMs > code.expiresMs
    }
    const seen = await seenBy(page)
    return seen.filter((each, at) => isPast(each) && at > 0 && isPast(seen[at - 1]!))
  }

  describe('with codes', () => {
    let id: string

    it('shows each of a row, none past its time, then says that they ran out', async () => {
      id = await create('Codes')
      await page.goto(`/i/${id}?connect=true`)
      await page.getByText(RAN_OUT).waitFor({ timeout: 90_000 })
      await page.getByText('The codes ran out.', { exact: true }).waitFor()
      const told = (await codesOf(id)).slice(0, CODES).map(({ path }) => path)
      const shown = (await seenBy(page)).flatMap(({ path }) => path ?? [])
      expect([...new Set(shown)]).toEqual(told)
      expect(new Set(told).size).toBe(CODES)
      expect(await shownTooLong(id)).toEqual([])
    }, 120_000)

    it('shows no other until somebody asks for it, and that one can be scanned', async () => {
      const codes = await until(
        () => codesOf(id),
        all => all.length > CODES,
      )
      await page.getByText(RAN_OUT).waitFor()
      expect(await page.getByRole('img', { name: QR }).count()).toBe(0)
      await page.getByRole('button', { name: 'New code' }).click()
      await page.getByRole('img', { name: QR }).waitFor()
      const old = codes.slice(0, CODES).map(({ path }) => path)
      expect(old).not.toContain((await seenBy(page)).at(-1)!.path)
      await page.getByRole('button', { name: 'Scan', exact: true }).click()
      await page.getByRole('heading', { name: /^Connected/ }).waitFor()
    })

    it('takes a code away at its time, also when it hears nothing any more', async () => {
      id = await create('Cut off')
      await page.goto(`/i/${id}?connect=true`)
      await page.getByRole('img', { name: QR }).waitFor()
      await liveness('Live').waitFor()
      line.deafen(true)
      await page.getByRole('img', { name: QR }).waitFor({ state: 'detached' })
      expect(await shownTooLong(id)).toEqual([])
      line.deafen(false)
    })
  })

  it('shows each state of the engine once it is told', async () => {
    const id = await create('States')
    await page.goto(`/i/${id}`)
    const of = `instanceId: "${id}"`
    const shows = (name: string) =>
      page
        .locator('h1 + span', { hasText: new RegExp(`^${name}$`) })
        .first()
        .waitFor()
    await shows('Disconnected')
    await ask(`mutation { connectInstance(${of}) { qr } }`)
    await shows('Waiting for a phone')
    await ask(`mutation { scanSandboxQr(${of}) { state } }`)
    await shows('Connected')
    await ask(`mutation { disconnectInstance(${of}) { state } }`)
    await shows('Disconnected')
    await ask(`mutation { connectInstance(${of}) { qr } }`)
    await shows('Connected')
    await ask(`mutation { injectSandboxFault(${of}, input: { kind: logout }) { kind } }`)
    await shows('Logged out')
    const states = (await eventsOf(id)).filter(({ event }) => event === 'connection_update')
    const names: Record<string, string> = {
      connected: 'Connected',
      disconnected: 'Disconnected',
      logged_out: 'Logged out',
      qr_required: 'Waiting for a phone',
    }
    const seen = await seenBy(page)
    const lateMs = states
      .filter(({ data }) => names[data.state])
      .map(({ data }) => {
        const toldMs = Date.parse(data.updated_at)
        return seen.find(({ atMs, state }) => atMs >= toldMs && state === names[data.state])!.atMs - toldMs
      })
    expect(lateMs).toHaveLength(5)
    process.stderr.write(`From the engine's word to the screen: ${lateMs.join(', ')} ms\n`)
  })

  it('is not taken back by an answer that comes after news that are newer', async () => {
    const id = await create('Overtaken')
    const of = `instanceId: "${id}"`
    await ask(`mutation { connectInstance(${of}) { qr } }`)
    await ask(`mutation { scanSandboxQr(${of}) { state } }`)
    await ask(`mutation { disconnectInstance(${of}) { state } }`)
    await page.goto(`/i/${id}`)
    const badge = (name: string) => page.locator('h1 + span', { hasText: new RegExp(`^${name}$`) }).first()
    await badge('Disconnected').waitFor()
    await liveness('Live').waitFor()
    const late = Promise.withResolvers<void>()
    const given: Promise<void>[] = []
    const bodies: string[] = []
    await page.route('**/graphql', async route => {
      const response = await route.fetch()
      bodies.push(await response.text())
      given.push(late.promise.then(() => route.fulfill({ response })))
    })
    // The page is not told of it: it is in the answer alone.
    await ask(`mutation { updateInstance(${of}, input: { name: "Renamed" }) { id } }`)
    await ask(`mutation { connectInstance(${of}) { qr } }`)
    await badge('Connected').waitFor()
    await until(
      () => bodies.some(body => body.includes(id) && body.includes('"connected"')),
      isAsked => isAsked,
    )
    await ask(`mutation { injectSandboxFault(${of}, input: { kind: logout }) { kind } }`)
    await badge('Logged out').waitFor()
    late.resolve()
    await page.getByRole('heading', { name: 'Renamed' }).waitFor()
    await page.unrouteAll({ behavior: 'wait' })
    await Promise.all(given)
    const { length } = await seenBy(page)
    const looked = await until(
      () => seenBy(page),
      seen => seen.length > length + 2,
    )
    expect(looked.at(-1)!.state).toBe('Logged out')
  })

  it('says that it hears nothing, and catches up when it does again', async () => {
    const id = await create('Deaf')
    const of = `instanceId: "${id}"`
    await ask(`mutation { connectInstance(${of}) { qr } }`)
    await ask(`mutation { scanSandboxQr(${of}) { state } }`)
    await page.goto(`/i/${id}`)
    await page.getByRole('heading', { name: /^Connected/ }).waitFor()
    await liveness('Live').waitFor()
    line.deafen(true)
    const deafMs = performance.now()
    await ask(`mutation { injectSandboxFault(${of}, input: { kind: logout }) { kind } }`)
    await liveness('Reconnecting…').waitFor({ timeout: 60_000 })
    process.stderr.write(`A deaf socket was told after ${Math.round((performance.now() - deafMs) / 1000)} s\n`)
    line.deafen(false)
    await liveness('Live').waitFor({ timeout: 60_000 })
    await page.locator('h1 + span', { hasText: 'Logged out' }).first().waitFor()
  }, 180_000)

  it('throws nothing, and asks nobody else', () => {
    expect(browser.complaints).toEqual([])
  })
})
