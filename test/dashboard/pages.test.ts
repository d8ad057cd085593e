import { readdirSync, readFileSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApp, type TestApp } from '../support/app.ts'
import { signUp } from '../support/auth.ts'
import { CHROMIUM, openBrowser, signIn, type TestBrowser } from '../support/browser.ts'

/** Each page in each theme and language, and as wide as a phone. With `PICTURES=folder` it takes pictures of them. */

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const PICTURES = process.env.PICTURES
const LOCALES = ['en', 'pt-BR', 'es'] as const
const FIRST_JS_MAX_BYTES = 115_000
const ROUTE_JS_MAX_BYTES = 40_000
const FIRST_CSS_MAX_BYTES = 15_000
const DESK = { width: 1360, height: 900 }
const PHONE = { width: 390, height: 844 }

/** Name → address, and what is there once it is loaded. */
const PAGES: Record<string, [address: string, loaded: string]> = {
  home: ['/', 'main h1'],
  instances: ['/instances', 'main li'],
  instance: ['/i/:support', 'main dl'],
  pairing: ['/i/:unlinked?connect=true', 'svg[role=img] path'],
  chats: ['/i/:support/chats', 'main nav li'],
  chat: ['/i/:support/chats/5511900000002@s.whatsapp.net', '[role=log] p'],
  webhooks: ['/i/:support/webhooks', 'main li'],
  webhook: ['/i/:support/webhooks/:webhook', 'main table'],
  sandbox: ['/i/:support/sandbox', 'main form'],
  'instance-settings': ['/i/:support/settings', 'main form'],
  events: ['/events', '[role=log] button'],
  usage: ['/usage', '.uplot'],
  billing: ['/billing', '[role=progressbar]'],
  settings: ['/settings', 'main form, main select'],
  playground: ['/playground', '.graphiql-editors .CodeMirror'],
  docs: ['/docs', 'details'],
  nothing: ['/docs/nothing', 'main h1'],
}

describe.skipIf(!CHROMIUM)('each page of the dashboard', () => {
  let wataki: TestApp
  let browser: TestBrowser
  let page: Page
  let ids: Record<string, string>

  beforeAll(async () => {
    if (PICTURES) await mkdir(PICTURES, { recursive: true })
    wataki = await openTestApp()
    browser = await openBrowser(wataki.url)
    page = await (await browser.open({ viewport: DESK })).newPage()
    await signIn(page, await signUp(wataki, 'pages@example.com'))
    ids = await furnish()
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

  const create = async (name: string) =>
    (await ask(`mutation { createInstance(input: { name: "${name}", sandbox: true }) { id } }`)).createInstance!.id

  /** Something to see on every page. */
  async function furnish() {
    const unlinked = await create('Sales')
    const support = await create('Support')
    const of = `instanceId: "${support}"`
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
    return { support, unlinked, webhook: createWebhook!.id }
  }

  interface Violation {
    id: string
    nodes: { target: string[]; failureSummary: string }[]
  }

  /** Not as a script of the page, which its policy would refuse. GraphiQL's editor is its makers'. */
  async function violations(rules?: string[]): Promise<string[]> {
    if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(readFileSync(AXE, 'utf8'))
    return page.evaluate(async only => {
      const { axe } = window as unknown as {
        axe: { run(context: object, options: object): Promise<{ violations: Violation[] }> }
      }
      const options = { resultTypes: ['violations'], ...(only && { runOnly: { type: 'rule', values: only } }) }
      const { violations } = await axe.run({ exclude: ['.graphiql-container'] }, options)
      return violations.map(({ id, nodes }) => `${id}: ${nodes.map(each => each.target.join(' ')).join(', ')}`)
    }, rules)
  }

  /** Buttons that only a mouse can press, and other hosts that the browser is told to look for. */
  const leftOut = (): Promise<string[]> =>
    page.evaluate(() => {
      // Of a list, a menu or tabs the arrow keys reach what the tabulator does not.
      const others = '[role=option], [role=menuitem], [role=tab], .graphiql-container *'
      const pressed = [...document.querySelectorAll<HTMLElement>('body *')].filter(element => {
        const given = Object.keys(element).find(key => key.startsWith('__reactProps$'))
        return given && (element as unknown as Record<string, { onClick?: unknown }>)[given]!.onClick
      })
      const hints = [...document.querySelectorAll<HTMLLinkElement>('link[href]')].map(({ href }) => href)
      if (pressed.length === 0) throw new Error('there is no button at all')
      return [
        ...pressed.filter(each => each.tabIndex < 0 && !each.matches(others)).map(each => each.outerHTML),
        ...hints.filter(href => new URL(href).origin !== location.origin),
      ]
    })

  /** As another tab does; the page follows. */
  async function prefer(theme: string, locale: string): Promise<void> {
    await page.evaluate(
      chosen => {
        for (const [key, newValue] of Object.entries(chosen)) {
          localStorage.setItem(key, newValue)
          dispatchEvent(new StorageEvent('storage', { key, newValue }))
        }
      },
      { 'wataki.theme': theme, 'wataki.locale': locale },
    )
    await page.locator(`html[lang="${locale}"][data-theme="${theme}"]`).waitFor()
    // What is drawn follows in the next frame.
    await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))))
  }

  async function picture(name: string): Promise<void> {
    if (PICTURES) await page.screenshot({ path: join(PICTURES, `${name}.png`) })
  }

  /** What is wrong with the page in each theme and language. */
  async function faultsOf(name: string): Promise<string[]> {
    const faults: string[] = []
    const add = (where: string, found: string[]) => faults.push(...found.map(each => `${where}: ${each}`))
    add('left out', await leftOut())
    for (const locale of LOCALES) {
      await prefer('light', locale)
      await picture(`${name}-${locale}-light`)
      add(`light ${locale}`, await violations())
      await prefer('dark', locale)
      await picture(`${name}-${locale}-dark`)
      // The rest is what it was in the other theme.
      add(`dark ${locale}`, await violations(['color-contrast', 'link-in-text-block']))
      await page.setViewportSize(PHONE)
      await picture(`${name}-${locale}-phone`)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      if (width > PHONE.width) faults.push(`${locale}: on a phone it is ${width} wide`)
      if (locale === 'pt-BR') add('phone', await violations())
      await page.setViewportSize(DESK)
    }
    return faults
  }

  it.each(
    Object.keys(PAGES),
  )('leaves nobody out, has nothing that axe finds, in any theme and language, and fits a phone: %s', async name => {
    const [address, loaded] = PAGES[name]!
    await page.goto(address.replace(/:(\w+)/g, (_, key) => ids[key]!))
    await page.locator(loaded).first().waitFor()
    await page.evaluate(() => document.fonts.ready)
    expect(await faultsOf(name)).toEqual([])
  }, 240_000)

  it('has nothing that axe finds, in any theme and language, and fits a phone: sign-in', async () => {
    const signedIn = page
    page = await (await browser.open({ viewport: DESK })).newPage()
    await page.goto('/login')
    await page.getByLabel('E-mail').waitFor()
    expect(await faultsOf('login')).toEqual([])
    await page.context().close()
    page = signedIn
  }, 240_000)

  it('has nothing that axe finds, light and dark, and fits a phone: the mailbox and the page of the link', async () => {
    const signedIn = page
    page = await (await browser.open({ viewport: DESK })).newPage()
    const faults: string[] = []
    const look = async (name: string, address: string, loaded: string) => {
      await page.goto(address)
      await page.getByText(loaded).first().waitFor()
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        for (const [at, size] of Object.entries({ desk: DESK, phone: PHONE })) {
          await page.setViewportSize(size)
          await picture(`${name}-${colorScheme}-${at}`)
          const where = `${name} ${colorScheme} ${at}`
          faults.push(...(await violations()).map(each => `${where}: ${each}`))
          const width = await page.evaluate(() => document.documentElement.scrollWidth)
          if (width > size.width) faults.push(`${where}: it is ${width} wide`)
        }
      }
    }
    const { mail } = wataki.app
    const long = 'somebody.with-a.long.name'.repeat(3)
    await mail.send({
      kind: 'webhook_disabled',
      to: `${long}@example.com`,
      url: `https://${long}.example/`,
      reason: 'gone',
    })
    const link = { kind: 'sign_in', link: `${wataki.url}/auth/verify#token=x`, validMinutes: 15 } as const
    await mail.send({ ...link, to: 'ana@example.com' })
    await look('mailbox', '/dev/mailbox', 'pages@example.com')
    ;(mail.kept() as unknown[]).splice(0)
    await look('mailbox-empty', '/dev/mailbox', 'No letters yet')
    await page.goto('/dev/mailbox')
    await mail.send({ ...link, to: 'late@example.com' })
    await page.getByText('late@example.com').waitFor()
    await look('verify', `/auth/verify#token=${'A'.repeat(43)}`, 'One click')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'Ask for a new link' }).waitFor()
    await picture('verify-refused-dark-phone')
    expect(faults).toEqual([])
    await page.context().close()
    page = signedIn
  }, 240_000)

  it('shows the QR code black on white with four modules of quiet around it, also in the dark', async () => {
    await page.goto(`/i/${ids.unlinked}?connect=true`)
    await prefer('dark', 'en')
    const code = page.getByRole('img', { name: 'QR code to scan with WhatsApp' })
    await code.waitFor()
    const box = (await code.boundingBox())!
    expect(Math.min(box.width, box.height)).toBeGreaterThanOrEqual(264)
    const { data, info } = await sharp(await code.screenshot())
      .greyscale()
      .raw()
      .toBuffer({ resolveWithObject: true })
    const grey = data.filter(value => value > 40 && value < 215).length
    const black = data.filter(value => value <= 40).length / data.length
    // Its modules are no whole number of pixels wide.
    expect(grey / data.length).toBeLessThan(0.2)
    expect(black).toBeGreaterThan(0.2)
    expect(black).toBeLessThan(0.6)
    const size = Number((await code.getAttribute('viewBox'))!.split(' ')[2])
    const quiet = Math.floor((3.5 * info.width) / size)
    const ring = [...data].filter((_, at) => {
      const [x, y] = [at % info.width, Math.floor(at / info.width)]
      const edge = Math.min(x, y, info.width - 1 - x, info.height - 1 - y)
      // The corners are rounded.
      return edge < quiet && edge > 2 && !(x < 12 && y < 12)
    })
    expect(Math.min(...ring)).toBeGreaterThan(215)
  })

  it('is small at first, and so is each page after it: compressed, without the playground', () => {
    const directory = join(import.meta.dirname, '../../dashboard/dist')
    const named = [...readFileSync(join(directory, 'index.html'), 'utf8').matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)]
    const bytesOf = (file: string) => {
      const path = join(directory, file)
      return (statSync(`${path}.br`, { throwIfNoEntry: false }) ?? statSync(path)).size
    }
    const first = (type: string) =>
      named.filter(([, file]) => file!.endsWith(type)).reduce((sum, [, file]) => sum + bytesOf(file!), 0)
    expect(first('.js')).toBeGreaterThan(50_000)
    expect(first('.js')).toBeLessThan(FIRST_JS_MAX_BYTES)
    expect(first('.css')).toBeLessThan(FIRST_CSS_MAX_BYTES)
    const files = readdirSync(join(directory, 'assets')).filter(file => file.endsWith('.js'))
    const shared = files.filter(file => file.startsWith('shared-'))
    expect(shared).toHaveLength(1)
    const pages = files.filter(file => /-page-/.test(file) && !file.startsWith('playground'))
    expect(pages.length).toBeGreaterThan(10)
    for (const file of pages)
      expect(bytesOf(`assets/${file}`) + bytesOf(`assets/${shared[0]}`), file).toBeLessThan(ROUTE_JS_MAX_BYTES)
  })

  it('asks nothing of any other host, runs nothing that its policy forbids, and throws nothing', () => {
    expect(browser.complaints).toEqual([])
  })
})
