import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { SMTPServer } from 'smtp-server'
import { afterEach, describe, expect, it } from 'vitest'
import type { Letter, Mailer } from '../../src/mail/mail.ts'
import { createSmtpMailer } from '../../src/mail/smtp.ts'
import { sendMailDue } from '../../src/resolvers/auth/sendMailDue.ts'
import { openTestApp, type TestApp, until } from '../support/app.ts'
import { post, rowsOf, tokenIn } from '../support/auth.ts'

/** Letters to a real SMTP server on loopback. */

const LETTER: Letter = {
  kind: 'sign_in',
  to: 'dev@acme.com',
  link: 'https://wataki.example/auth/verify#token=abc&<"',
  validMinutes: 15,
}

interface Received {
  from: string
  to: string[]
  raw: string
}

const closings: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close()
})

/** `refuse` answers a recipient with an error of this code. */
async function postOffice(options: { refuse?: (address: string) => number | null } = {}) {
  const received: Received[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _session, done) {
      const responseCode = options.refuse?.(address)
      done(responseCode ? Object.assign(new Error('no'), { responseCode }) : null)
    },
    onData(stream, { envelope }, done) {
      let raw = ''
      stream.on('data', chunk => {
        raw += chunk
      })
      stream.on('end', () => {
        const from = envelope.mailFrom ? envelope.mailFrom.address : ''
        received.push({ from, to: envelope.rcptTo.map(({ address }) => address), raw })
        done()
      })
    },
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closings.push(() => new Promise<void>(resolve => server.close(() => resolve())))
  return { url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`, received }
}

function mailer(url: string, letterTimeoutMs?: number): Mailer {
  const made = createSmtpMailer({ url, from: 'Wataki <hello@wataki.example>', letterTimeoutMs })
  closings.push(() => made.close())
  return made
}

/** A server of a few lines, for what a good one does not do. */
async function badOffice(talk: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closings.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>(resolve => server.close(() => resolve()))
  })
  return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const unfold = (raw: string) => raw.replace(/=\r\n/g, '').replace(/=3D/g, '=')

describe('a letter', () => {
  it('goes to its reader alone, from MAIL_FROM, with the link in text and HTML', async () => {
    const office = await postOffice()
    expect(await mailer(office.url).send(LETTER)).toEqual({ kind: 'sent' })
    const [{ from, to, raw }] = office.received as [Received]
    expect([from, to]).toEqual(['hello@wataki.example', ['dev@acme.com']])
    expect(raw).toMatch(/^From: Wataki <hello@wataki.example>\r$/m)
    expect(raw).toMatch(/^Subject: Sign in to Wataki\r$/m)
    const [text, html] = unfold(raw).split(/Content-Type: text\/html/) as [string, string]
    expect(text).toContain(LETTER.link)
    expect(html).toContain('href="https://wataki.example/auth/verify#token=abc&amp;&lt;&quot;"')
    expect(html).not.toMatch(/<img|<script|src=/)
  })

  it('is never a list of readers, and no line of it becomes a header', async () => {
    const office = await postOffice()
    for (const to of ['a@acme.com, b@acme.com', 'a@acme.com\r\nBcc: b@acme.com', '<a@acme.com>,b@acme.com']) {
      await mailer(office.url).send({ ...LETTER, to })
    }
    for (const { to, raw } of office.received) {
      expect(to).toHaveLength(1)
      expect(raw).not.toMatch(/^Bcc:/im)
    }
  })

  it('is refused when the server never takes it, and has failed when it may later', async () => {
    const office = await postOffice({ refuse: address => (address.startsWith('gone') ? 550 : 451) })
    const own = mailer(office.url)
    expect(await own.send({ ...LETTER, to: 'gone@acme.com' })).toMatchObject({ kind: 'refused' })
    expect(await own.send({ ...LETTER, to: 'grey@acme.com' })).toMatchObject({ kind: 'failed' })
    expect(await mailer('smtp://127.0.0.1:1').send(LETTER)).toMatchObject({ kind: 'failed' })
  })

  it('tells why without the address, the link or the password', async () => {
    const office = await postOffice({ refuse: () => 550 })
    const { reason } = (await mailer(office.url).send(LETTER)) as { reason: string }
    expect(reason).toMatch(/^[A-Z0-9 ]+$/)
  })

  it('takes a bounded time with a server that is silent, and with one that trickles', async () => {
    const silent = await badOffice(() => {})
    const trickling = await badOffice(socket => {
      socket.write('220')
      const timer = setInterval(() => socket.write('-'), 50)
      socket.on('close', () => clearInterval(timer))
    })
    for (const url of [silent, trickling]) {
      const start = performance.now()
      expect(await mailer(url, 400).send(LETTER)).toMatchObject({ kind: 'failed' })
      expect(performance.now() - start).toBeLessThan(2_000)
    }
  })

  it('that is on its way is finished at the end, and none is taken after', async () => {
    const office = await postOffice()
    const own = mailer(office.url)
    const sending = own.send(LETTER)
    await own.close()
    expect(await sending).toEqual({ kind: 'sent' })
    expect(await own.send(LETTER)).toMatchObject({ kind: 'failed' })
  })
})

describe('the queue', () => {
  async function app(url: string, log: string[] = []): Promise<TestApp> {
    const opened = await openTestApp({
      SMTP_URL: url,
      MAIL_FROM: 'hello@wataki.example',
      PUBLIC_URL: 'https://w.example',
    })
    closings.push(() => opened.close())
    for (const level of ['info', 'warn', 'error'] as const) {
      opened.app.log[level] = (...words: unknown[]) => void log.push(JSON.stringify(words))
    }
    return opened
  }
  const ask = (wataki: TestApp, email = 'new@acme.com') => post(wataki.url, '/v1/auth/signup', { name: 'Acme', email })

  it('mails the link, which signs in over https with a Secure cookie; the log does not have it', async () => {
    const log: string[] = []
    const office = await postOffice()
    const wataki = await app(office.url, log)
    await ask(wataki)
    await until(
      () => office.received.length,
      length => length === 1,
    )
    const link = /https:\/\/w\.example\/auth\/verify#token=[\w-]{43}/.exec(unfold(office.received[0]!.raw))![0]
    const answer = await post(wataki.url, '/v1/auth/verify', { token: tokenIn(link) })
    expect(answer.headers.get('set-cookie')).toMatch(/; Secure(;|$)/)
    expect(log.join()).not.toContain(tokenIn(link))
    expect(wataki.app.mail.kept()).toEqual([])
  })

  it('tries again later when the server is away, with growing waits, and gives up with the link', async () => {
    let code: number | null = 451
    const office = await postOffice({ refuse: () => code })
    const wataki = await app(office.url)
    await ask(wataki)
    const waits: number[] = []
    for (let attempt = 1; attempt <= 3; attempt++) {
      const [mail] = await until(
        () => rowsOf(wataki, 'select attempts, next_attempt_at from mail where attempts = $1', [attempt]),
        // A claimed letter is leased for a minute; a postponed one waits for less.
        ([row]) => row !== undefined && row.next_attempt_at.getTime() - Date.now() < 50_000,
      )
      waits.push(Math.round((mail.next_attempt_at.getTime() - Date.now()) / 5_000))
      await rowsOf(wataki, `update mail set next_attempt_at = now()`)
    }
    expect(waits).toEqual([1, 3, 9])
    code = null
    await rowsOf(wataki, `update mail set next_attempt_at = now()`)
    await until(
      () => office.received.length,
      length => length === 1,
    )
    code = 451
    await ask(wataki, 'late@acme.com')
    await until(
      () => rowsOf(wataki, `select 1 from mail where attempts = 1 and next_attempt_at < now() + interval '50 s'`),
      ([row]) => row !== undefined,
    )
    code = null
    await rowsOf(wataki, `update mail set next_attempt_at = now(), expires_at = now() - interval '1 second'`)
    await sendMailDue(wataki.app)
    expect(office.received).toHaveLength(1)
  })

  it('drops what the server refuses for good', async () => {
    const office = await postOffice({ refuse: () => 550 })
    const wataki = await app(office.url)
    await ask(wataki)
    await until(
      () => rowsOf(wataki, 'select 1 from mail'),
      left => left.length === 0,
    )
    expect(office.received).toEqual([])
  })

  it('sends each letter once, though two nodes look at the same time', async () => {
    const office = await postOffice()
    const wataki = await app(office.url)
    for (let i = 0; i < 15; i++) await ask(wataki, `n${i}@acme.com`)
    await Promise.all(Array.from({ length: 4 }, () => sendMailDue(wataki.app)))
    await until(
      () => rowsOf(wataki, 'select 1 from mail'),
      left => left.length === 0,
    )
    expect(office.received.map(({ to }) => to[0]).sort()).toEqual(
      Array.from({ length: 15 }, (_, i) => `n${i}@acme.com`).sort(),
    )
  })
})
