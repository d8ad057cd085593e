import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestApp, type TestApp } from '../support/app.ts'
import { rowsOf, tokenIn } from '../support/auth.ts'
import { CHROMIUM, openBrowser, signIn, type TestBrowser } from '../support/browser.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

/** A newcomer's first minutes, with no phone and no network, step by step in one browser. */

describe.skipIf(!CHROMIUM)('the first five minutes', () => {
  let wataki: TestApp
  let browser: TestBrowser
  let page: Page
  let receiver: Receiver

  beforeAll(async () => {
    wataki = await openTestApp(RECEIVABLE)
    receiver = await openReceiver()
    browser = await openBrowser(wataki.url)
    page = await (await browser.open()).newPage()
  }, 120_000)
  afterAll(async () => {
    await browser?.close()
    await receiver?.close()
    await wataki?.close()
  })

  const tick = (text: string) => page.getByRole('listitem').filter({ hasText: text }).filter({ hasText: '(done)' })

  it('sends who is not signed in to the sign-in page, which says where the link is', async () => {
    await page.goto('/instances')
    await page.waitForURL('/login')
    await page.getByRole('tab', { name: 'Create account' }).click()
    await page.getByLabel('Your name or company').fill('Loja')
    await page.getByLabel('E-mail').fill('dev@loja.example')
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByRole('heading', { name: 'Look into your mail' }).waitFor()
    await page.getByRole('link', { name: 'Open the mailbox' }).waitFor()
  })

  it('signs in by the mailed link, and the first step is done', async () => {
    await signIn(page, tokenIn((await wataki.letterTo('dev@loja.example')).link))
    await page.getByRole('heading', { name: 'Hello, Loja' }).waitFor()
    await tick('You are signed in').waitFor()
  })

  it('links a virtual phone to a live QR code', async () => {
    await page.getByRole('button', { name: 'Try without a phone' }).click()
    await page.getByRole('img', { name: 'QR code to scan with WhatsApp' }).waitFor()
    await page.getByText(/A new code in \d+ s/).waitFor()
    await page.getByRole('button', { name: 'Scan' }).click()
    await page.getByRole('heading', { name: /^Connected/ }).waitFor()
  })

  it('sends a message, sees it read, and gets the answer live', async () => {
    await page.getByRole('link', { name: 'Open chats' }).click()
    await page.getByRole('button', { name: 'New chat' }).click()
    await page.getByLabel('Phone number').fill('+55 11 90000-0002')
    await page.getByRole('button', { name: 'Open', exact: true }).click()
    await page.getByLabel('Message', { exact: true }).fill('Hello Ana')
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    const messages = page.getByRole('log', { name: 'Messages', exact: true })
    await messages.getByText('Read', { exact: true }).waitFor()
    await expect.poll(() => messages.getByText('Hello Ana').count()).toBe(2)
    expect(await page.getByRole('navigation', { name: 'Chats' }).getByRole('link').count()).toBe(1)
  })

  it('shows the same call for programs', async () => {
    await page.getByRole('button', { name: 'Show the call' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('X-API-Key: $WATAKI_API_KEY').waitFor()
    await dialog.getByRole('tab', { name: 'GraphQL' }).click()
    await dialog.getByText('"Hello Ana"').waitFor()
    await page.keyboard.press('Escape')
  })

  it('makes an API key from the checklist, shown once', async () => {
    await page.getByRole('link', { name: 'Home' }).click()
    await tick('Send a message and get an answer').waitFor()
    await page.getByRole('link', { name: 'Create API key' }).click()
    await page.getByLabel('Name', { exact: true }).fill('production')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    const line = await page.getByText(/^WATAKI_API_KEY=[0-9a-f]{64}$/).textContent()
    await page.getByRole('button', { name: 'I have copied it' }).click()
    await page.getByRole('listitem').filter({ hasText: 'production' }).waitFor()
    const key = line!.split('=')[1]!
    expect(await page.getByText(key).count()).toBe(0)
    const answer = await fetch(`${wataki.url}/v1/auth/me`, { headers: { 'x-api-key': key } })
    expect(answer.status).toBe(200)
  })

  it('sends a test event to a webhook, and shows each try', async () => {
    await page.getByRole('link', { name: 'Instances' }).click()
    await page.getByRole('link', { name: /^demo/ }).click()
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.getByRole('button', { name: 'New webhook' }).click()
    await page.getByLabel('URL').fill(receiver.url)
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByText(/^WATAKI_WEBHOOK_SECRET=whsec_/).waitFor()
    await page.getByRole('button', { name: 'I have copied it' }).click()
    await page.getByRole('button', { name: 'Send a test event' }).click()
    const dialog = page.getByRole('dialog', { name: 'Delivery' })
    await dialog.getByText('Answered 200').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('row').filter({ hasText: 'webhook.test' }).filter({ hasText: 'Delivered' }).waitFor()
  })

  it('explains a failed delivery and sends it again in three clicks', async () => {
    receiver.answer(410)
    await page.getByRole('button', { name: 'Send a test event' }).click()
    const dialog = page.getByRole('dialog', { name: 'Delivery' })
    await dialog.getByText('Answered 410').waitFor()
    receiver.answer(200)
    await page.keyboard.press('Escape')
    await page.getByText('Deactivated: answered 410').waitFor()
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Activate' }).click()
    await page.getByText('Active', { exact: true }).waitFor()
    const failed = page.getByRole('row').filter({ hasText: 'Failed' })
    await failed.getByRole('button', { name: 'Details' }).click()
    await dialog.getByRole('button', { name: 'Replay' }).click()
    await dialog.getByText('Answered 200').waitFor()
    await page.keyboard.press('Escape')
  })

  it('shows what happens as it happens, and goes on after a pause', async () => {
    await page.getByRole('link', { name: 'Events' }).click()
    const log = page.getByRole('log', { name: 'Events' })
    await log.getByText('message.received').first().waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    const [{ id }] = await rowsOf(wataki, 'select id from instance')
    const before = await log.locator('details').count()
    await page.evaluate(async instanceId => {
      const query = `mutation { sendSandboxMessage(instanceId: "${instanceId}", input: { from: "5511955554444", type: text, content: { text: "while paused" } }) { whatsappId } }`
      await fetch('/graphql', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ query }),
      })
    }, id)
    await page.getByRole('button', { name: /^Go on \([1-9]/ }).click()
    await expect.poll(() => log.locator('details').count()).toBeGreaterThan(before)
    await log.getByText('while paused').first().waitFor()
  })

  it('is gone once all five steps are done', async () => {
    await page.getByRole('link', { name: 'Home' }).click()
    await page.getByRole('heading', { name: 'The last 24 hours' }).waitFor()
    await expect.poll(() => page.getByRole('heading', { name: 'First steps' }).count()).toBe(0)
  })

  it('signs out, and nothing is shown any more', async () => {
    await page.getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL('/login')
    await page.goto('/instances')
    await page.waitForURL('/login')
  })

  it('asked nothing of any other host, ran nothing that its policy forbids, and threw nothing', () => {
    expect(browser.complaints).toEqual([])
  })
})
