import { existsSync } from 'node:fs'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core'

/** Chromium that reaches nobody but this machine, and what it would have asked of others. */

export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path =>
  existsSync(path),
)
if (!CHROMIUM && process.env.CI) throw new Error('there is no Chromium here, and in CI there must be one')
if (!CHROMIUM) process.stderr.write('LEFT OUT: the dashboard in a browser, because there is no Chromium here\n')

export interface TestBrowser {
  open(options?: BrowserContextOptions): Promise<BrowserContext>
  /** Requests to other hosts, refusals by the page's policy and errors of its scripts. */
  readonly complaints: string[]
  close(): Promise<void>
}

/** A name such as machines have in a local network: to browsers, no secure context. */
export const LAN_HOST = 'wataki.lan'

const FLAGS = [
  `--host-resolver-rules=MAP ${LAN_HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost`,
  '--disable-dev-shm-usage',
  '--no-sandbox',
]

const WAIT_MS = 45_000

export async function openBrowser(origin: string): Promise<TestBrowser> {
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
  const complaints: string[] = []
  const own = [origin, lanOrigin(origin)]
  const watch = (page: Page) => {
    page.on('request', request => {
      const url = request.url()
      if (/^https?:/.test(url) && !own.includes(new URL(url).origin)) complaints.push(`asked ${url}`)
    })
    page.on('pageerror', error => complaints.push(`threw ${error.message}`))
    page.on('console', message => {
      if (/Content Security Policy|violates/.test(message.text())) complaints.push(message.text())
    })
  }
  return {
    complaints,
    async open(options) {
      const context = await browser.newContext({
        baseURL: origin,
        locale: 'en-US',
        reducedMotion: 'reduce',
        ...options,
      })
      context.setDefaultTimeout(WAIT_MS)
      context.on('page', watch)
      return context
    },
    close: () => browser.close(),
  }
}

export const lanOrigin = (origin: string): string => origin.replace(/127\.0\.0\.1|localhost/, LAN_HOST)

/** By the page that the mailed link opens. */
export async function signIn(page: Page, token: string): Promise<void> {
  await page.goto(`/auth/verify#token=${token}`)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL('/')
}

const STEPS_MAX = 80

/** By the key that everybody has: to what it is about, as far as that can be reached. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor()
  for (let step = 0; step < STEPS_MAX; step++) {
    if (await target.evaluate(element => element === document.activeElement)) return
    await page.keyboard.press('Tab')
  }
  throw new Error(`the keyboard does not reach ${target}`)
}
