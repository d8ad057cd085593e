import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../support/app.ts'
import { CHROMIUM, openBrowser, type TestBrowser } from '../support/browser.ts'
import { openReceiver, RECEIVABLE, type Receiver } from '../support/receiver.ts'

/**
 * A newcomer's first minutes, step by step: two commands, one browser, no phone, no account, and no other machine, neither for the
 * server nor for the page.
 */

const ROOT = join(import.meta.dirname, '..', '..')
const GUARD = pathToFileURL(join(ROOT, 'test/support/loopback-process.ts')).href

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

describe.skipIf(!CHROMIUM)('the first five minutes', () => {
  const startedMs = performance.now()
  const commands: { child: ChildProcess; said: string }[] = []
  let settings: NodeJS.ProcessEnv
  let origin: string
  let browser: TestBrowser
  let page: Page
  let receiver: Receiver
  let key: string

  beforeAll(async () => {
    const { PATH, HOME } = process.env
    const DATA_DIR = await mkdtemp(join(tmpdir(), 'wataki-story-'))
    const port = await freePort()
    origin = `http://localhost:${port}`
    settings = { PATH, HOME, DATA_DIR, PORT: String(port), ...RECEIVABLE, NODE_OPTIONS: `--import=${GUARD}` }
    receiver = await openReceiver()
    browser = await openBrowser(origin)
    page = await (await browser.open()).newPage()
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    for (const { child } of commands.reverse()) await end(child)
    await receiver?.close()
    await rm(settings.DATA_DIR!, { recursive: true, force: true })
  }, 60_000)

  /** In a group of its own, as a terminal runs it; without the installation, which the tests are past. */
  function type(command: string, env: NodeJS.ProcessEnv = {}) {
    const [npm, ...words] = command.split(' ')
    const child = spawn(npm!, ['--ignore-scripts', ...words], {
      cwd: ROOT,
      env: { ...settings, ...env, npm_config_update_notifier: 'false' },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    const running = { child, said: '' }
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', chunk => (running.said += chunk))
    commands.push(running)
    return running
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    process.kill(-child.pid!, 'SIGINT')
    await exit
  }

  const tick = (text: string) => page.getByRole('listitem').filter({ hasText: text }).filter({ hasText: '(done)' })
  const main = () => page.getByRole('navigation', { name: 'Main' })

  it('begin with one command, which says where the dashboard is', async () => {
    const server = type('npm start')
    await until(
      () => server.said,
      said => said.includes('Wataki is running.') || server.child.exitCode !== null,
      90_000,
    )
    // The address is the last that it says of itself.
    expect(server.said).toMatch(new RegExp(`\n {4}API key .*\n\n {2}Open the dashboard: {2}${origin}\n`))
  }, 120_000)

  it('send who is not signed in to the sign-in page, which says where the link is', async () => {
    await page.goto('/instances')
    await page.waitForURL('/login')
    await page.getByRole('tab', { name: 'Create account' }).click()
    await page.getByLabel('Your name or company').fill('Loja')
    await page.getByLabel('E-mail').fill('dev@loja.example')
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByRole('heading', { name: 'Look into your mail' }).waitFor()
  })

  it('sign in by the link in the mailbox, and the first step is done', async () => {
    await page.getByRole('link', { name: 'Open the mailbox' }).waitFor()
    // The letter may not be there yet: the mailbox looks for it by itself.
    await page.getByRole('link', { name: 'Open the mailbox' }).click()
    await page.getByRole('link', { name: 'Create the account' }).click()
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Hello, Loja' }).waitFor()
    await tick('You are signed in').waitFor()
  })

  it('link a virtual phone to a live QR code', async () => {
    await page.getByRole('button', { name: 'Try without a phone' }).click()
    await page.getByRole('img', { name: 'QR code to scan with WhatsApp' }).waitFor()
    await page.getByText(/A new code in \d+ s/).waitFor()
    await page.getByRole('button', { name: 'Scan' }).click()
    await page.getByRole('heading', { name: /^Connected/ }).waitFor()
  })

  it('send a message, see it read, and get the answer live', async () => {
    await page.getByRole('link', { name: 'Open chats' }).click()
    await page.getByRole('link', { name: /^Ana/ }).click()
    await page.getByLabel('Message', { exact: true }).fill('Hello Ana')
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    const messages = page.getByRole('log', { name: 'Messages', exact: true })
    await messages.getByText('Read', { exact: true }).waitFor()
    await expect.poll(() => messages.getByText('Hello Ana').count(), { timeout: 60_000 }).toBe(2)
    const chats = page.getByRole('navigation', { name: 'Chats' }).getByRole('link')
    expect(await chats.allTextContents()).toEqual([expect.stringMatching(/^Ana/)])
    await page.getByRole('heading', { name: 'Ana', exact: true }).waitFor()
  })

  it('show the same call for programs', async () => {
    await page.getByRole('button', { name: 'Show the call' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByText('X-API-Key: $WATAKI_API_KEY').waitFor()
    await dialog.getByRole('tab', { name: 'GraphQL' }).click()
    await dialog.getByText('"Hello Ana"').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click()
  })

  it('make an API key from the checklist, shown once', async () => {
    await main().getByRole('link', { name: 'Home' }).click()
    await tick('Send a message and get an answer').waitFor()
    await page.getByRole('link', { name: 'Create API key' }).click()
    await page.getByLabel('Name', { exact: true }).fill('production')
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    const line = await page.getByText(/^WATAKI_API_KEY=[0-9a-f]{64}$/).textContent()
    await page.getByRole('button', { name: 'I have copied it' }).click()
    await page.getByRole('listitem').filter({ hasText: 'production' }).waitFor()
    key = line!.split('=')[1]!
    expect(await page.getByText(key).count()).toBe(0)
    const answer = await fetch(`${origin}/v1/auth/me`, { headers: { 'x-api-key': key } })
    expect(answer.status).toBe(200)
  })

  it('hear it in their own program by a second command, with no tunnel', async () => {
    await main().getByRole('link', { name: 'Instances' }).click()
    await page.getByRole('link', { name: /^demo/ }).click()
    await page.getByRole('link', { name: 'Webhooks' }).click()
    const command = await page.getByText(/^npm run --silent wataki -- listen/).textContent()
    const listener = type(
      command!.replace('--silent', '--silent --ignore-scripts').replace('localhost:4000/hook', receiver.url),
      { WATAKI_API_KEY: key },
    )
    await until(
      () => listener.said,
      said => said.includes('Ready.') || listener.child.exitCode !== null,
      60_000,
    )
    await page.getByRole('link', { name: 'Sandbox' }).click()
    await page.getByLabel('Write as the contact').fill('Are you open?')
    await page.getByRole('button', { name: 'Send as the contact' }).click()
    await until(
      () => receiver.got,
      got => got.some(({ body }) => body.data?.content?.text === 'Are you open?'),
      60_000,
    )
    await until(
      () => listener.said,
      said => /message\.received → 200/.test(said),
    )
    await end(listener.child)
  }, 120_000)

  it('send a test event to a webhook, and see each try', async () => {
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.getByRole('button', { name: 'New webhook' }).click()
    await page.getByLabel('URL').fill(receiver.url)
    await page.getByRole('button', { name: 'Create', exact: true }).click()
    await page.getByText(/^WATAKI_WEBHOOK_SECRET=whsec_/).waitFor()
    await page.getByRole('button', { name: 'I have copied it' }).click()
    await page.getByRole('button', { name: 'Send a test event' }).click()
    const dialog = page.getByRole('dialog', { name: 'Delivery' })
    await dialog.getByText('Answered 200').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.getByRole('row').filter({ hasText: 'webhook.test' }).filter({ hasText: 'Delivered' }).waitFor()
  })

  it('explain a failed delivery and send it again: in two clicks one, in three all', async () => {
    receiver.answer(410)
    await page.getByRole('button', { name: 'Send a test event' }).click()
    const dialog = page.getByRole('dialog', { name: 'Delivery' })
    await dialog.getByText('Answered 410').waitFor()
    receiver.answer(200)
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.getByText('Deactivated: answered 410').waitFor()
    await page.getByRole('button', { name: 'More' }).click()
    await page.getByRole('menuitem', { name: 'Activate' }).click()
    await page.getByText('Active', { exact: true }).waitFor()
    const failed = page.getByRole('row').filter({ hasText: 'Failed' })
    await failed.getByRole('button', { name: 'Details' }).click()
    await dialog.getByRole('button', { name: 'Replay' }).click()
    await dialog.getByText('Answered 200').waitFor()
    await dialog.getByRole('button', { name: 'Close' }).click()
    await expect.poll(() => failed.count()).toBe(0)
    const before = receiver.got.length
    await page.getByRole('button', { name: 'Replay failed…' }).click()
    await page.getByLabel('Which').selectOption({ label: 'All of them' })
    await page.getByRole('button', { name: 'Send again', exact: true }).click()
    await until(
      () => receiver.got.length,
      count => count >= before + 2,
      60_000,
    )
    const seconds = Math.round((performance.now() - startedMs) / 1000)
    process.stderr.write(`From npm start to a replayed webhook: ${seconds} s\n`)
  })

  it('show what happens as it happens, and go on after a pause', async () => {
    const [, , instanceId] = new URL(page.url()).pathname.split('/')
    await main().getByRole('link', { name: 'Events' }).click()
    const log = page.getByRole('log', { name: 'Events' })
    await log.getByText('message.received').first().waitFor()
    await page.getByRole('button', { name: 'Pause' }).click()
    const newest = log.getByRole('button').first()
    const before = await newest.innerText()
    const sent = await fetch(`${origin}/v1/instances/${instanceId}/sandbox/messages`, {
      method: 'POST',
      headers: { 'x-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ from: '5511955554444', type: 'text', content: { text: 'while paused' } }),
    })
    expect(sent.ok).toBe(true)
    await page.getByRole('button', { name: /^Go on \([1-9]/ }).click()
    await expect.poll(() => newest.innerText(), { timeout: 60_000 }).not.toBe(before)
    await log.getByRole('button', { name: 'message.received' }).first().click()
    await log.getByText('while paused').first().waitFor()
  })

  it('are over once all five steps are done', async () => {
    await main().getByRole('link', { name: 'Home' }).click()
    await page.getByRole('heading', { name: 'The last 24 hours' }).waitFor()
    await expect.poll(() => page.getByRole('heading', { name: 'First steps' }).count(), { timeout: 60_000 }).toBe(0)
  })

  it('end with signing out, and nothing is shown any more', async () => {
    await main().getByRole('link', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.waitForURL('/login')
    await page.goto('/instances')
    await page.waitForURL('/login')
  })

  it('asked nothing of any other host, ran nothing that its policy forbids, and threw nothing', () => {
    expect(browser.complaints).toEqual([])
    for (const { said } of commands) expect(said).not.toContain('WOULD CONNECT TO')
  })
})
