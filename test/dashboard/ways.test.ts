import type { Locator, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApp, type TestApp } from '../support/app.ts'
import { rowsOf, signUp } from '../support/auth.ts'
import { CHROMIUM, lanOrigin, openBrowser, signIn, type TestBrowser, tabTo } from '../support/browser.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

/** The dashboard where it is not usual: over plain http in a local network, by keyboard alone, with a session that ends elsewhere. */

describe.skipIf(!CHROMIUM)('the dashboard', () => {
  let wataki: TestApp
  let browser: TestBrowser
  let page: Page
  let receiver: Receiver

  beforeAll(async () => {
    wataki = await openTestApp(RECEIVABLE)
    receiver = await openReceiver()
    browser = await openBrowser(wataki.url)
    const context = await browser.open({ baseURL: lanOrigin(wataki.url) })
    page = await context.newPage()
    await signIn(page, await signUp(wataki, 'lan@example.com'))
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await receiver?.close()
    await wataki?.close()
  })

  async function press(target: Locator): Promise<void> {
    await tabTo(page, target)
    await page.keyboard.press('Enter')
  }

  it('works over plain http at an address of a local network: live, and with copying', async () => {
    expect(await page.evaluate(() => window.isSecureContext)).toBe(false)
    await page.getByRole('button', { name: 'Try without a phone' }).click()
    await page.getByRole('button', { name: 'Scan' }).click()
    await page.getByRole('heading', { name: /^Connected/ }).waitFor()
    await page.getByRole('main').getByRole('button', { name: 'Copy' }).first().click()
    await page.getByRole('button', { name: /^Search/ }).click()
    await page.getByRole('combobox', { name: 'Name, number or id' }).press('Control+V')
    await expect.poll(() => page.getByRole('combobox', { name: 'Name, number or id' }).inputValue()).toMatch(/^inst_/)
    await page.keyboard.press('Escape')
  })

  it('is used by keyboard alone: search, chat, send', async () => {
    await page.goto('/')
    await page.getByRole('heading', { name: 'Hello, Acme' }).waitFor()
    await page.keyboard.press('Control+K')
    await page.getByRole('combobox', { name: 'Name, number or id' }).waitFor()
    await page.keyboard.type('demo')
    await page.getByRole('option', { name: /^demo/ }).waitFor()
    await page.keyboard.press('Enter')
    await press(page.getByRole('link', { name: 'Chats', exact: true }))
    await press(page.getByRole('button', { name: 'New chat' }))
    await page.getByLabel('Phone number').waitFor()
    await page.keyboard.type('5511900000001')
    await page.keyboard.press('Enter')
    await tabTo(page, page.getByLabel('Message', { exact: true }))
    await page.keyboard.type('By keyboard')
    await page.keyboard.press('Enter')
    await page.getByRole('log', { name: 'Messages', exact: true }).getByText('By keyboard').waitFor()
  })

  it('is used by keyboard alone: an API key, a webhook, what was delivered, and once more', async () => {
    await press(page.getByRole('link', { name: 'Webhooks' }))
    await press(page.getByRole('button', { name: 'New webhook' }))
    await page.getByLabel('URL').waitFor()
    await page.keyboard.type(receiver.url)
    await page.keyboard.press('Enter')
    await press(page.getByRole('button', { name: 'I have copied it' }))
    await press(page.getByRole('button', { name: 'Send a test event' }))
    const dialog = page.getByRole('dialog', { name: 'Delivery' })
    await dialog.getByText('Answered 200').waitFor()
    await press(dialog.getByRole('button', { name: 'Replay' }))
    await dialog.getByText(/^2\./).waitFor()
    await press(dialog.getByRole('button', { name: 'Close' }))
    await press(page.getByRole('link', { name: 'Settings' }).first())
    await press(page.getByRole('button', { name: 'Create API key' }))
    await page.getByLabel('Name', { exact: true }).waitFor()
    await page.keyboard.type('keys only')
    await page.keyboard.press('Enter')
    await press(page.getByRole('button', { name: 'I have copied it' }))
    await page.getByRole('listitem').filter({ hasText: 'keys only' }).waitFor()
  })

  it('is told in another language, and in another light, by keyboard alone', async () => {
    await tabTo(page, page.getByLabel('Language').first())
    await page.keyboard.press('p')
    await page.locator('html[lang="pt-BR"]').waitFor()
    await tabTo(page, page.getByLabel('Tema').first())
    await page.keyboard.press('e')
    await page.locator('html[data-theme="dark"]').waitFor()
    await page.evaluate(() => localStorage.clear())
  })

  it('blurs what people wrote and who they are, when told to, until it is pointed at', async () => {
    const [instance] = await rowsOf(wataki, 'select id from instance')
    const blurOf = (target: Locator) =>
      target.evaluate(element => getComputedStyle(element.closest('.private') ?? element).filter)
    const written = page.getByRole('log', { name: 'Messages', exact: true }).getByText('By keyboard').first()
    await page.goto(`/i/${instance!.id}/chats/5511900000001@s.whatsapp.net`)
    await written.waitFor()
    expect(await blurOf(written)).toBe('none')
    const blur = page.getByRole('button', { name: 'Blur private content' }).first()
    await blur.click()
    expect(await blur.getAttribute('aria-pressed')).toBe('true')
    await page.mouse.move(0, 0)
    const mail = page.getByRole('complementary').getByText('lan@example.com')
    const chat = page.getByRole('navigation', { name: 'Chats' }).getByRole('link').first().locator('.private').first()
    for (const each of [written, mail, chat]) await expect.poll(() => blurOf(each)).toMatch(/^blur/)
    await page.reload()
    await written.waitFor()
    await expect.poll(() => blurOf(written)).toMatch(/^blur/)
    await written.hover()
    await expect.poll(() => blurOf(written)).toBe('none')
    await page.evaluate(() => localStorage.clear())
  })

  /** Which of these are not on the page, and the texts with one of them that can be read. */
  const notHidden = (secrets: readonly string[]): Promise<string[]> =>
    page.evaluate(all => {
      const isBlurred = (place: Element | null): boolean =>
        place !== null && (getComputedStyle(place).filter.startsWith('blur') || isBlurred(place.parentElement))
      const places: { text: string; parent: Element }[] = []
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        // Those of the sandbox may be chosen from a list: its people are in its guide.
        if (node.parentElement!.tagName !== 'OPTION')
          places.push({ text: node.textContent!, parent: node.parentElement! })
      }
      return all.flatMap(secret => {
        const found = places.filter(({ text }) => text.includes(secret) || text.replace(/\D/g, '').includes(secret))
        if (found.length === 0) return [`no ${secret}`]
        return found.filter(({ parent }) => !isBlurred(parent)).map(({ text }) => text)
      })
    }, secrets)

  it('blurs them on each page that shows them', async () => {
    const [instance] = await rowsOf(wataki, 'select id, phone_number from instance')
    const id: string = instance!.id
    const phone: string = instance!.phone_number.replace('+', '')
    const contact = '5511900000001'
    const chat = `/i/${id}/chats/${contact}@s.whatsapp.net`
    await page.evaluate(() => localStorage.setItem('wataki.privacy', 'on'))
    await page.mouse.move(0, 0)
    for (const [address, secrets] of [
      ['/', [phone]],
      ['/instances', [phone]],
      [`/i/${id}`, [phone]],
      [chat, ['By keyboard', 'Bruno', contact]],
      [`/i/${id}/sandbox`, ['By keyboard']],
      ['/events', [contact]],
      ['/settings', ['lan@example.com']],
    ] as const) {
      await page.goto(address)
      if (address.endsWith('/sandbox')) await page.getByLabel('Whose phone this is').selectOption(contact)
      if (address === '/events') {
        await page.getByRole('log').getByRole('button', { name: contact }).first().click()
        await page.getByLabel('Payload').waitFor()
        await page.mouse.move(0, 0)
      }
      await expect.poll(() => notHidden(secrets), { message: address }).toEqual([])
    }
    await page.evaluate(() => localStorage.clear())
  })

  it('shows within its pages what the connection does, as it does it', async () => {
    const [instance] = await rowsOf(wataki, 'select id from instance')
    await page.goto(`/i/${instance!.id}`)
    await page.getByRole('main').getByText('Connected', { exact: true }).first().waitFor()
    await page.evaluate(async id => {
      const query = `mutation { injectSandboxFault(instanceId: "${id}", input: { kind: logout }) { kind } }`
      const body = JSON.stringify({ query })
      await fetch('/graphql', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body })
    }, instance!.id)
    await page.getByText('Logged out').first().waitFor()
  })

  it('begins each page with a link past the menu', async () => {
    await page.goto('/instances')
    await page.getByRole('heading', { name: 'Instances' }).waitFor()
    await page.keyboard.press('Tab')
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to the content')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await page.getByRole('main').evaluate(main => main.contains(document.activeElement))).toBe(true)
  })

  const remember = () => page.evaluate(() => Object.assign(window, { remembered: true }))
  const isForgotten = () => page.waitForFunction(() => !('remembered' in window))

  it('is not brought back with all that it knew by going back to it', async () => {
    await page.goto('/')
    await remember()
    await page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))
    await isForgotten()
  })

  it('tells the session that was ended elsewhere, at once, and forgets all it knew', async () => {
    await page.goto('/')
    await remember()
    await page.getByRole('complementary').getByText('Live', { exact: true }).waitFor()
    const [session] = await page.context().cookies()
    const headers = { cookie: `${session!.name}=${session!.value}`, origin: wataki.url }
    await fetch(`${wataki.url}/v1/auth/logout`, { method: 'POST', headers })
    await page.waitForURL('/login')
    await isForgotten()
  })
})
