import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApp, type TestApp } from '../support/app.ts'
import { signUp } from '../support/auth.ts'
import { CHROMIUM, lanOrigin, openBrowser, signIn, type TestBrowser } from '../support/browser.ts'

/** The dashboard where it is not usual: over plain http in a local network, by keyboard alone, with a session that ends elsewhere. */

describe.skipIf(!CHROMIUM)('the dashboard', () => {
  let wataki: TestApp
  let browser: TestBrowser
  let page: Page

  beforeAll(async () => {
    wataki = await openTestApp()
    browser = await openBrowser(wataki.url)
    const context = await browser.open({ baseURL: lanOrigin(wataki.url) })
    page = await context.newPage()
    await signIn(page, await signUp(wataki, 'lan@example.com'))
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await wataki?.close()
  })

  it('works over plain http at an address of a local network: live, and with copying', async () => {
    expect(await page.evaluate(() => window.isSecureContext)).toBe(false)
    await page.getByRole('button', { name: 'Try without a phone' }).click()
    await page.getByRole('button', { name: 'Scan' }).click()
    await page.getByRole('heading', { name: /^Connected/ }).waitFor()
    await page.getByRole('main').getByRole('button', { name: 'Copy' }).first().click()
    await page.getByRole('button', { name: /^Search/ }).click()
    await page.getByRole('combobox').press('Control+V')
    await expect.poll(() => page.getByRole('combobox').inputValue()).toMatch(/^inst_/)
    await page.keyboard.press('Escape')
  })

  it('is used by keyboard alone: search, chat, send', async () => {
    await page.goto('/')
    await page.getByRole('heading', { name: 'Hello, Acme' }).waitFor()
    await page.keyboard.press('Control+K')
    await page.getByRole('combobox').waitFor()
    await page.keyboard.type('demo')
    await page.getByRole('option', { name: /^demo/ }).waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('link', { name: 'Chats' }).focus()
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'New chat' }).focus()
    await page.keyboard.press('Enter')
    await page.getByLabel('Phone number').waitFor()
    await page.keyboard.type('5511900000001')
    await page.keyboard.press('Enter')
    await page.getByLabel('Message', { exact: true }).focus()
    await page.keyboard.type('By keyboard')
    await page.keyboard.press('Enter')
    await page.getByRole('log', { name: 'Messages', exact: true }).getByText('By keyboard').waitFor()
  })

  it('begins each page with a link past the menu', async () => {
    await page.goto('/instances')
    await page.getByRole('heading', { name: 'Instances' }).waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content')
  })

  it('tells the session that was ended elsewhere, at once', async () => {
    await page.goto('/')
    await page.getByRole('complementary').getByText('Live', { exact: true }).waitFor()
    const [session] = await page.context().cookies()
    const headers = { cookie: `${session!.name}=${session!.value}`, origin: wataki.url }
    await fetch(`${wataki.url}/v1/auth/logout`, { method: 'POST', headers })
    await page.waitForURL('/login')
  })
})
