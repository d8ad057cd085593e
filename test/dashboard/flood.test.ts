import type { Page, WebSocketRoute } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApp, type TestApp, until } from '../support/app.ts'
import { signUp } from '../support/auth.ts'
import { CHROMIUM, openBrowser, signIn, type TestBrowser } from '../support/browser.ts'

/** The page of events when more happens than anybody reads. The test tells the events, and its clock is the page's. */

const TOLD = 1000
const KEPT = 500
/** Of those, until more are asked for. */
const DRAWN = 30
/** By then what was told is drawn. */
const DRAWN_MS = 1000

interface Asked {
  id: string
  variables: { instanceId: string; after: string }
}

describe.skipIf(!CHROMIUM)('the page of events', () => {
  let wataki: TestApp
  let browser: TestBrowser
  let page: Page
  let socket: WebSocketRoute
  let asked: Asked[] = []
  let pongs = 0
  let told = 0

  beforeAll(async () => {
    wataki = await openTestApp()
    browser = await openBrowser(wataki.url)
    page = await (await browser.open()).newPage()
    await page.clock.install()
    await page.routeWebSocket(/\/graphql$/, route => {
      socket = route
      route.onMessage(data => {
        const { id, type, payload } = JSON.parse(String(data))
        if (type === 'connection_init') route.send('{"type":"connection_ack"}')
        if (type === 'subscribe') asked.push({ id, variables: payload.variables })
        if (type === 'ping') route.send('{"type":"pong"}')
        if (type === 'pong') pongs++
      })
    })
    await signIn(page, await signUp(wataki, 'flood@example.com'))
    await page.evaluate(async () => {
      const body = JSON.stringify({
        query: 'mutation { createInstance(input: { name: "Busy", sandbox: true }) { id } }',
      })
      await fetch('/graphql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    })
    await page.goto('/events')
    await until(
      () => asked.length,
      count => count === 1,
    )
    await page.clock.pauseAt(Date.now() + 5000)
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await wataki?.close()
  })

  const log = () => page.getByRole('log', { name: 'Events' })
  const rows = () => log().getByRole('button').count()
  const newest = () => log().getByRole('button').first().innerText()

  /** Each in a message of its own; once this is over the page has all of them. */
  async function tell(count: number): Promise<void> {
    const { id, variables } = asked.at(-1)!
    for (let n = 0; n < count; n++) {
      told++
      const timestamp = new Date(1_800_000_000_000 + told).toISOString()
      const { instanceId } = variables
      const eventOccurred = {
        id: `evt_${told}`,
        event: 'message_status',
        instanceId,
        seq: told,
        timestamp,
        data: { told },
      }
      socket.send(JSON.stringify({ id, type: 'next', payload: { data: { eventOccurred } } }))
    }
    const before = pongs
    socket.send('{"type":"ping"}')
    await expect.poll(() => pongs).toBe(before + 1)
  }

  it('draws what comes in a burst in one go, the newest of it, and says of how many', async () => {
    await tell(TOLD)
    expect(await rows()).toBe(0)
    await page.clock.runFor(DRAWN_MS)
    await page.getByText('The newest 500 of 1,000 events.').waitFor()
    expect(await rows()).toBe(DRAWN)
    expect(await newest()).toContain('{"told":1000}')
  })

  it('shows the rest of what it keeps when asked, to the last', async () => {
    const more = page.getByRole('button', { name: /^Show more/ })
    expect(await more.innerText()).toBe(`Show more (${KEPT - DRAWN})`)
    while ((await more.count()) > 0) await more.click()
    expect(await rows()).toBe(KEPT)
    expect(await log().getByRole('button').last().innerText()).toContain('{"told":501}')
  })

  it('counts what is kept back while it is paused, and shows it then', async () => {
    await page.getByRole('button', { name: 'Pause' }).click()
    await tell(700)
    await page.clock.runFor(DRAWN_MS)
    const goOn = page.getByRole('button', { name: 'Go on (700)' })
    await goOn.waitFor()
    expect(await newest()).toContain('{"told":1000}')
    await goOn.click()
    await page.getByText('The newest 500 of 1,700 events.').waitFor()
    expect(await newest()).toContain('{"told":1700}')
  })

  it('asks, when the socket is back, for what came after the last that it has, and counts nothing twice', async () => {
    asked = []
    await socket.close({ code: 4499 })
    await expect
      .poll(async () => {
        await page.clock.runFor(DRAWN_MS)
        return asked.length
      })
      .toBe(1)
    expect(asked[0]!.variables.after).toBe('1700')
    told = 1690
    await tell(20)
    await page.clock.runFor(DRAWN_MS)
    await page.getByText('The newest 500 of 1,710 events.').waitFor()
    expect(await rows()).toBe(KEPT)
  })

  it('has nothing to say of how many once it is cleared', async () => {
    await page.getByRole('button', { name: 'Clear' }).click()
    await page.getByText('Waiting for events…').waitFor()
    await tell(1)
    await page.clock.runFor(DRAWN_MS)
    await log().waitFor()
    expect(await rows()).toBe(1)
    expect(await page.getByText('The newest').count()).toBe(0)
  })

  it('throws nothing, and asks nobody else', () => {
    expect(browser.complaints).toEqual([])
  })
})
