import { readFileSync, statSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApp, type TestApp } from '../support/app.ts'
import { signUp } from '../support/auth.ts'
import { CHROMIUM, openBrowser, signIn, type TestBrowser } from '../support/browser.ts'

/** Each page in each theme and language: nothing that axe finds, nothing asked elsewhere. Pictures go to a folder that it prints. */

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const THEMES = ['light', 'dark'] as const
const LOCALES = ['en', 'pt-BR', 'es'] as const
const FIRST_JS_MAX_BYTES = 150_000
const FIRST_CSS_MAX_BYTES = 15_000
const PHONE = { width: 390, height: 844 }

/** Address → what is there once it is loaded. */
const places = (instance: string, webhook: string): Record<string, string> => ({
  '/': 'main h1',
  '/instances': 'main li',
  [`/i/${instance}`]: 'main dl',
  [`/i/${instance}/chats`]: 'main nav li',
  [`/i/${instance}/chats/5511900000002@s.whatsapp.net`]: '[role=log] p',
  [`/i/${instance}/webhooks`]: 'main li',
  [`/i/${instance}/webhooks/${webhook}`]: 'main table',
  [`/i/${instance}/sandbox`]: 'main form',
  [`/i/${instance}/settings`]: 'main form',
  '/events': 'details',
  '/usage': '.uplot',
  '/billing': '[role=progressbar]',
  '/settings': 'main form, main select',
  '/playground': '.graphiql-editors .CodeMirror',
  '/docs': 'details',
  '/docs/nothing': 'main h1',
})

describe.skipIf(!CHROMIUM)('each page of the dashboard', () => {
  let wataki: TestApp
  let browser: TestBrowser
  let context: BrowserContext
  let page: Page
  let shots: string
  let pages: Record<string, string>

  beforeAll(async () => {
    wataki = await openTestApp()
    browser = await openBrowser(wataki.url)
    shots = await mkdtemp(join(tmpdir(), 'wataki-pages-'))
    process.stderr.write(`Pictures of the dashboard: ${shots}\n`)
    context = await browser.open({ viewport: { width: 1360, height: 900 } })
    page = await context.newPage()
    await signIn(page, await signUp(wataki, 'pages@example.com'))
    pages = await furnish()
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    await wataki?.close()
  })

  /** As the page itself asks, by the session. */
  async function ask(query: string): Promise<Record<string, { id: string }>> {
    const answer = await page.evaluate(async text => {
      const body = JSON.stringify({ query: text })
      const got = await fetch('/graphql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
      return got.json()
    }, query)
    if (answer.errors) throw new Error(JSON.stringify(answer.errors))
    return answer.data
  }

  /** Something to see on every page. */
  async function furnish() {
    const { createInstance } = await ask(
      'mutation { createInstance(input: { name: "Support", sandbox: true }) { id } }',
    )
    const id = createInstance!.id
    const of = `instanceId: "${id}"`
    await ask(`mutation { connectInstance(${of}) { qr } }`)
    await ask(`mutation { scanSandboxQr(${of}) { state } }`)
    for (const text of ['Good morning!', 'Your order is on its way.', 'Anything else?'])
      await ask(
        `mutation { sendMessage(${of}, input: { chatId: "5511900000002", type: text, content: { text: "${text}" } }) { id } }`,
      )
    await ask(
      `mutation { sendSandboxMessage(${of}, input: { from: "5511955554444", type: text, content: { text: "Hi, are you open?" } }) { whatsappId } }`,
    )
    const { createWebhook } = await ask(
      `mutation { createWebhook(${of}, input: { url: "https://hooks.invalid/wataki", events: [message_received, message_status] }) { id } }`,
    )
    await ask(`mutation { testWebhook(${of}, webhookId: "${createWebhook!.id}") { id } }`)
    await ask('mutation { createApiKey(input: { name: "production" }) { id } }')
    await ask('mutation { createInstance(input: { name: "Sales" }) { id } }')
    return places(id, createWebhook!.id)
  }

  async function violations(): Promise<string[]> {
    // Not as a script of the page, which its policy would refuse. GraphiQL's editor is its makers'.
    await page.evaluate(readFileSync(AXE, 'utf8'))
    return page.evaluate(async () => {
      const { axe } = window as unknown as { axe: { run(context: object): Promise<{ violations: Violation[] }> } }
      interface Violation {
        id: string
        nodes: { target: string[]; failureSummary: string }[]
      }
      const { violations } = await axe.run({ exclude: ['.graphiql-container'] })
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(each => each.target.join(' ')).join(', ')}`)
    })
  }

  async function prefer(theme: string, locale: string): Promise<void> {
    await page.evaluate(
      ([chosen, spoken]) => {
        localStorage.setItem('wataki.theme', chosen!)
        localStorage.setItem('wataki.locale', spoken!)
      },
      [theme, locale],
    )
  }

  async function look(path: string, name: string): Promise<string[]> {
    await page.goto(path)
    await page
      .locator(pages[path] ?? 'main')
      .first()
      .waitFor()
    await page.evaluate(() => document.fonts.ready)
    await page.screenshot({
      path: join(shots, `${name}${path.replaceAll('/', '_').replaceAll(/inst_\w+/g, 'inst')}.png`),
    })
    return (await violations()).map(each => `${name} ${path} ${each}`)
  }

  it.each(THEMES.flatMap(theme => LOCALES.map(locale => [theme, locale] as const)))(
    'has nothing that axe finds: %s, %s',
    async (theme, locale) => {
      await prefer(theme, locale)
      const found = []
      for (const path of Object.keys(pages)) found.push(...(await look(path, `${theme}-${locale}`)))
      expect(found).toEqual([])
      expect(await page.evaluate(() => document.documentElement.lang)).toBe(locale)
    },
    180_000,
  )

  it('fits a phone: nothing runs out of the side', async () => {
    await prefer('light', 'pt-BR')
    await page.setViewportSize(PHONE)
    const wide = []
    for (const path of Object.keys(pages)) {
      await look(path, 'phone')
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      if (width > PHONE.width) wide.push(`${path}: ${width}`)
    }
    expect(wide).toEqual([])
  }, 120_000)

  it('is small at first: what the page itself names, compressed', () => {
    const directory = join(import.meta.dirname, '../../dashboard/dist')
    const named = [...readFileSync(join(directory, 'index.html'), 'utf8').matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)]
    const bytesOf = (type: string) =>
      named
        .filter(([, file]) => file!.endsWith(type))
        .reduce((sum, [, file]) => sum + statSync(join(directory, `${file}.br`)).size, 0)
    expect(bytesOf('.js')).toBeGreaterThan(50_000)
    expect(bytesOf('.js')).toBeLessThan(FIRST_JS_MAX_BYTES)
    expect(bytesOf('.css')).toBeLessThan(FIRST_CSS_MAX_BYTES)
  })

  it('asks nothing of any other host, runs nothing that its policy forbids, and throws nothing', () => {
    expect(browser.complaints).toEqual([])
  })
})
