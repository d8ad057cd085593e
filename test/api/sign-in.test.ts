import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Context } from '../../src/context.ts'
import type { Sql } from '../../src/db/sql.ts'
import { STYLE } from '../../src/http/pages/style.ts'
import { newApiKey, prefixOf, wellFormed } from '../../src/resolvers/auth/api-key.ts'
import { login } from '../../src/resolvers/auth/login.ts'
import { network } from '../../src/resolvers/auth/mail-limit.ts'
import { sendMailDue } from '../../src/resolvers/auth/sendMailDue.ts'
import { signup } from '../../src/resolvers/auth/signup.ts'
import { writeLastUseDue } from '../../src/resolvers/auth/writeLastUseDue.ts'
import { type Answer, type Caller, openTestApp, type TestApp, until } from '../support/app.ts'
import { contextOf, cookie, get, logIn, post, rowsOf, session, signUp } from '../support/auth.ts'
import { mannWhitney } from '../support/rank-test.ts'

/** What keeps strangers out of accounts, and letters out of strangers' mailboxes. */

let wataki: TestApp
let acme: Caller
/** To whom letters went. */
const sent: string[] = []

beforeAll(async () => {
  wataki = await openTestApp({ RATE_LIMIT_PER_MINUTE: '100000' })
  acme = await wataki.tenant()
  const { mail } = wataki.app
  const { send } = mail
  mail.send = letter => {
    sent.push(letter.to)
    return send(letter)
  }
})
afterAll(() => wataki.close())
beforeEach(async () => {
  await rows('delete from mail_request')
  await until(
    () => count('mail'),
    left => left === 0,
  )
  sent.length = 0
})

const rows = (text: string, params?: unknown[]) => rowsOf(wataki, text, params)
const count = async (table: string) => (await rows(`select count(*)::int as n from ${table}`))[0].n as number
const verify = (token: string, headers?: Record<string, string>) =>
  post(wataki.url, '/v1/auth/verify', { token }, headers)

/** What differs from one answer to the next by its nature is left out. */
function visible({ status, headers, body }: Answer): string {
  const kept = [...headers].filter(([name]) => !/^(date|x-request-id|x-ratelimit-(remaining|reset))$/.test(name))
  return JSON.stringify([status, kept, body])
}

describe('the mailed link', () => {
  it('is not used up by scanners: GET, HEAD, OPTIONS and prefetch of six profiles; then the button works', async () => {
    const token = await signUp(wataki, 'scanned@example.com')
    const profiles: { method: string; path: string; headers: Record<string, string> }[] = [
      { method: 'GET', path: '/auth/verify', headers: { 'user-agent': 'Mozilla/5.0 (SafeLinks)' } },
      { method: 'HEAD', path: '/auth/verify', headers: { 'user-agent': 'Barracuda/1.0' } },
      { method: 'OPTIONS', path: '/auth/verify', headers: { origin: 'https://scanner.example' } },
      { method: 'GET', path: '/auth/verify', headers: { purpose: 'prefetch', 'sec-purpose': 'prefetch;prerender' } },
      { method: 'GET', path: `/auth/verify?token=${token}`, headers: {} },
      { method: 'GET', path: `/v1/auth/verify?token=${token}`, headers: { 'user-agent': 'Proofpoint' } },
      { method: 'POST', path: `/auth/verify?token=${token}`, headers: {} },
      { method: 'OPTIONS', path: '/v1/auth/verify', headers: {} },
    ]
    const links = await count('sign_in_link')
    for (const { method, path, headers } of profiles) {
      const answer = await fetch(wataki.url + path, { method, headers })
      expect(answer.headers.get('set-cookie'), `${method} ${path}`).toBeNull()
      expect(answer.status, `${method} ${path}`).toBeLessThan(500)
    }
    expect(await count('sign_in_link')).toBe(links)
    expect((await verify(token)).status).toBe(200)
  })

  it('of 100 concurrent verifies makes exactly one session and 99 identical 401s', async () => {
    const token = await signUp(wataki, 'race@example.com')
    const before = await count('session')
    const answers = await Promise.all(Array.from({ length: 100 }, () => verify(token)))
    expect(answers.filter(answer => answer.status === 200)).toHaveLength(1)
    const refused = answers.filter(answer => answer.status === 401)
    expect(refused).toHaveLength(99)
    expect(new Set(refused.map(visible)).size).toBe(1)
    expect(await count('session')).toBe(before + 1)
    expect(await rows(`select 1 from tenant where email = 'race@example.com'`)).toHaveLength(1)
  })

  it('answers byte for byte the same when it expired a second ago, was used or never existed', async () => {
    const used = await signUp(wataki, 'used@example.com')
    await verify(used)
    const expired = await signUp(wataki, 'expired@example.com')
    await rows(`update sign_in_link set expires_at = now() - interval '1 second' where email = 'expired@example.com'`)
    const answers = [await verify(used), await verify(expired), await verify('A'.repeat(43)), await verify('x')]
    expect(answers[0]!.status).toBe(401)
    expect(new Set(answers.map(visible)).size).toBe(1)
    expect(answers[0]!.headers.get('set-cookie')).toBeNull()
  })

  it('names the host of PUBLIC_URL, whatever Host and X-Forwarded-* say', async () => {
    const [{ email }] = await rows('select email from tenant where id = $1', [acme.tenantId])
    const forgeries: Record<string, string>[] = [
      { 'x-forwarded-host': 'evil.example' },
      { 'x-forwarded-proto': 'https' },
      { 'x-forwarded-port': '8443' },
      { 'x-forwarded-server': 'evil.example' },
      { 'x-forwarded-prefix': '/evil' },
      { 'x-host': 'evil.example' },
      { 'x-original-host': 'evil.example' },
      { 'x-original-url': 'http://evil.example/' },
      { forwarded: 'host=evil.example;proto=https' },
      { 'x-real-ip': '203.0.113.1' },
    ]
    for (const headers of forgeries) {
      await rows('delete from mail_request')
      await post(wataki.url, '/v1/auth/login', { email }, headers)
      await sendMailDue(wataki.app)
      const { link } = await wataki.letterTo(email)
      expect(link.startsWith(`${wataki.app.config.publicUrl}/auth/verify#token=`), JSON.stringify(headers)).toBe(true)
    }
  })
})

describe('the page of the link', () => {
  it('runs only its own script, sends no referrer, and is the same for every link', async () => {
    const answer = await fetch(`${wataki.url}/auth/verify`)
    const html = await answer.text()
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const policy = answer.headers.get('content-security-policy')!
    const hashOf = (part: string) => `'sha256-${createHash('sha256').update(part).digest('base64')}'`
    const [, script] = /<script>([\s\S]*?)<\/script>/.exec(html)!
    const [, style] = /<style>([\s\S]*?)<\/style>/.exec(html)!
    expect(policy).toContain(`script-src ${hashOf(script!)};`)
    expect(policy).toContain(`style-src ${hashOf(style!)};`)
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toContain('unsafe')
    expect(html).not.toMatch(/(src|href)="(?!\/\w)|@import|url\(/)
    expect((await fetch(`${wataki.url}/auth/verify`, { method: 'POST' })).status).toBe(405)
  })
})

describe('our own pages', () => {
  it('have the colours of the dashboard, in light and in dark', async () => {
    const dashboard = await readFile('dashboard/src/styles.css', 'utf8')
    const [light, dark] = ['[data-theme="dark"] {', '@theme'].map(end => dashboard.slice(0, dashboard.indexOf(end)))
    const coloursOf = (css: string) =>
      new Map([...css.matchAll(/--([\w-]+):\s*([^;}]+)/g)].map(([, name, value]) => [name!, value!]))
    const [own, ownDark] = STYLE.split('@media (prefers-color-scheme:dark)')
    for (const [ours, theirs] of [
      [coloursOf(own!), coloursOf(light!)],
      [coloursOf(ownDark!.split('}}')[0]!), coloursOf(dark!)],
    ] as const) {
      expect(ours.size).toBeGreaterThan(8)
      for (const [name, value] of ours) expect([name, value]).toEqual([name, theirs.get(name)])
    }
  })
})

describe('the button of that page', () => {
  /** The page's own script, over the few parts of a browser that it uses. */
  async function opened(hash: string) {
    const html = await (await fetch(`${wataki.url}/auth/verify`)).text()
    const [, script] = /<script>([\s\S]*?)<\/script>/.exec(html)!
    const posted: string[] = []
    const went: string[] = []
    const say = { textContent: '' }
    let click = async () => {}
    const go = {
      hidden: false,
      disabled: false,
      addEventListener: (_: string, run: () => Promise<void>) => (click = run),
    }
    runInNewContext(script!, {
      URLSearchParams,
      document: { getElementById: (id: string) => (id === 'go' ? go : say) },
      location: { hash, replace: (path: string) => went.push(path) },
      fetch: (path: string, init: RequestInit) => {
        posted.push(path)
        return fetch(wataki.url + path, init)
      },
    })
    return { say, go, posted, went, click: () => click() }
  }

  it('posts the token of the fragment, and only when it is pressed; then it leads to the dashboard', async () => {
    const page = await opened(`#token=${await signUp(wataki, 'button@example.com')}`)
    expect(page.posted).toEqual([])
    await page.click()
    expect([page.posted, page.went]).toEqual([['/v1/auth/verify'], ['/']])
    const again = await opened(`#token=${'A'.repeat(43)}`)
    await again.click()
    expect(again.went).toEqual([])
    expect(again.say.textContent).toMatch(/expired or was used/)
    const bare = await opened('')
    expect([bare.go.hidden, bare.posted]).toEqual([true, []])
  })
})

describe('/dev/mailbox', () => {
  it('shows the letters with their links, escaped, to who develops', async () => {
    await signUp(wataki, "o'hara&co@example.com")
    const { link } = await wataki.letterTo("o'hara&co@example.com")
    const html = await (await fetch(`${wataki.url}/dev/mailbox`)).text()
    expect(html).toContain('o&#39;hara&amp;co@example.com')
    expect(html).toContain(`href="${link}"`)
  })

  it('keeps the newest 50', async () => {
    for (let i = 0; i < 55; i++) {
      await wataki.app.mail.send({ kind: 'sign_in', to: `n${i}@example.com`, link: 'x', validMinutes: 15 })
    }
    expect(wataki.app.mail.kept()).toHaveLength(50)
    expect(wataki.app.mail.kept()[0]!.to).toBe('n54@example.com')
  })

  it('is nobody’s under another name that leads here, and no page in production', async () => {
    const { request } = await import('node:http')
    const { port } = new URL(wataki.url)
    const { promise, resolve } = Promise.withResolvers<number>()
    request({ host: '127.0.0.1', port, path: '/dev/mailbox', headers: { host: `evil.example:${port}` } }, res => {
      res.resume()
      resolve(res.statusCode!)
    }).end()
    expect(await promise).toBe(404)
    const SECRET_KEY = randomBytes(32).toString('hex')
    const production = await openTestApp({ NODE_ENV: 'production', SECRET_KEY, HOST: '127.0.0.1' })
    try {
      expect((await fetch(`${production.url}/dev/mailbox`)).status).toBe(404)
      await production.app.mail.send({ kind: 'sign_in', to: 'a@b.co', link: 'x', validMinutes: 15 })
      expect(production.app.mail.kept()).toEqual([])
    } finally {
      await production.close()
    }
  })
})

describe('signup and login', () => {
  /** Every statement of an operation, in order: what it does, whoever is asked about. */
  async function statements(operation: (ctx: Context) => Promise<unknown>): Promise<string[]> {
    const said: string[] = []
    const { db } = wataki.app
    const heard = (sql: Sql): Sql => ({
      query: (text, params, name) => {
        said.push(text)
        return sql.query(text, params, name)
      },
    })
    const ctx = contextOf(wataki, { ip: '203.0.113.5' })
    ctx.db = { ...db, sql: heard(db.sql), transaction: work => db.transaction(sql => work(heard(sql))) }
    await operation(ctx)
    return said
  }

  it('do the same work, answer the same and take as long for a known and an unknown address', async () => {
    const known = Array.from({ length: 20 }, (_, i) => `known${i}@example.com`)
    for (const email of known) {
      await rows('insert into tenant (id, name, email) values ($1, $2, $3)', [`ten_${email}`, 'Known', email])
    }
    for (const path of ['signup', 'login']) {
      const ask = (email: string) =>
        post(wataki.url, `/v1/auth/${path}`, path === 'signup' ? { name: 'X', email } : { email })
      const work = (email: string) =>
        statements(ctx => (path === 'signup' ? signup(ctx, { name: 'X', email }) : login(ctx, { email })))
      const works = [await work(known[0]!), await work('unknown@example.com')]
      expect(works[0]).toEqual(works[1])
      expect(works[0]).toHaveLength(4)
      expect(works[0]!.join()).not.toMatch(/\btenant\b/)
      expect(visible(await ask(known[1]!))).toBe(visible(await ask('unknown1@example.com')))
      expect(await likeness(ask, known), path).toBeGreaterThan(0.01)
    }
  }, 120_000)

  /** By chance alone one of a hundred tries would fail, so the best of three counts: a real difference fails all. */
  async function likeness(ask: (email: string) => Promise<Answer>, known: string[]): Promise<number> {
    let best = 0
    for (let attempt = 0; attempt < 3 && best <= 0.01; attempt++) {
      const times: [number[], number[]] = [[], []]
      for (let i = 0; i < 400; i++) {
        const isKnown = (i + (i >> 1)) % 2
        const email = isKnown ? known[i % known.length]! : `unknown${attempt}.${i % known.length}@example.com`
        await rows('delete from mail_request')
        const start = performance.now()
        await ask(email)
        times[isKnown]!.push(performance.now() - start)
      }
      best = Math.max(best, mannWhitney(...times))
    }
    return best
  }

  it('send nothing in the request: the letter is in the queue when the answer is out, sealed', async () => {
    await signup(contextOf(wataki), { name: 'Q', email: 'queued@example.com' })
    const [{ letter }] = await rows('select letter from mail')
    expect(sent).toEqual([])
    expect(letter.toString('latin1')).not.toContain('queued@example.com')
    await letters()
    expect(sent).toEqual(['queued@example.com'])
  })

  it('mail one address at most 5 times in 15 minutes, exactly, under 30 requests at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        signup(contextOf(wataki, { ip: `203.0.113.${i}` }), { name: 'X', email: 'flood@example.com' }),
      ),
    )
    expect(new Set(answers.map(answer => answer.message)).size).toBe(1)
    await rows(`update mail_request set asked_at = array(select at - interval '14 min' from unnest(asked_at) as at)`)
    await signup(contextOf(wataki), { name: 'X', email: 'flood@example.com' })
    expect(await letters()).toBe(5)
    await rows(`update mail_request set asked_at = array(select at - interval '2 min' from unnest(asked_at) as at)`)
    await signup(contextOf(wataki), { name: 'X', email: 'flood@example.com' })
    expect(await letters()).toBe(6)
  })

  it('mail for one IP at most 20 times in 15 minutes, exactly, under 60 requests at once; none is used up beyond', async () => {
    const ask = (i: number, ip = '203.0.113.77') =>
      signup(contextOf(wataki, { ip }), { name: 'X', email: `flood${i}@example.com` })
    await Promise.all(Array.from({ length: 60 }, (_, i) => ask(i)))
    expect(await letters()).toBe(20)
    expect(await count('mail_request')).toBe(21)
    await ask(60, '203.0.113.78')
    expect(await letters()).toBe(21)
  })

  it('beyond the limit answer the same, and the link that was mailed last stays good', async () => {
    const token = await signUp(wataki, 'keep@example.com')
    const first = await post(wataki.url, '/v1/auth/login', { email: 'other@example.com' })
    await rows('update mail_request set asked_at = array_fill(last_at, array[20])')
    const beyond = await post(wataki.url, '/v1/auth/login', { email: 'keep@example.com' })
    expect(visible(beyond)).toBe(visible(first))
    expect((await verify(token)).status).toBe(200)
  })

  it('count a customer with IPv6 as one, by its network', () => {
    expect(network('2001:db8:1:2:3::4')).toBe(network('2001:db8:1:2::9'))
    expect(network('2001:db8:1:2::1')).not.toBe(network('2001:db8:1:3::1'))
    expect(network('::ffff:203.0.113.7')).toBe('203.0.113.7')
  })

  /** How many have gone out since the test began, once the queue is empty. */
  async function letters(): Promise<number> {
    await sendMailDue(wataki.app)
    await until(
      () => count('mail'),
      left => left === 0,
    )
    return sent.length
  }
})

describe('keys', () => {
  it('of a million made are all different and well-formed', () => {
    const seen = new BigUint64Array(1_000_000)
    let good = 0
    for (let i = 0; i < seen.length; i++) {
      const key = newApiKey()
      if (wellFormed(key) && prefixOf(key) === key.slice(0, 8)) good++
      seen[i] = BigInt(`0x${key.slice(0, 16)}`)
    }
    seen.sort()
    let twice = 0
    for (let i = 1; i < seen.length; i++) if (seen[i] === seen[i - 1]) twice++
    expect([good, twice]).toEqual([1_000_000, 0])
  }, 60_000)

  it('with one digit changed are refused without a question to the database', async () => {
    const { sql } = wataki.app.db
    const real = sql.query
    let asked = 0
    const key = acme.apiKey
    sql.query = (text, params, name) => {
      if (/api_key/.test(text)) asked++
      return real(text, params, name)
    }
    try {
      for (let i = 0; i < 64; i++) {
        const digit = key[i] === '0' ? '1' : '0'
        const headers = { 'x-api-key': key.slice(0, i) + digit + key.slice(i + 1) }
        expect((await get(wataki.url, '/v1/auth/me', headers)).status).toBe(401)
      }
      expect(asked).toBe(0)
      expect((await acme.get('/v1/auth/me')).status).toBe(200)
      expect(asked).toBe(1)
    } finally {
      sql.query = real
    }
  })

  it('are kept as SHA-256 only, with their first 8 characters', async () => {
    const [row] = await rows('select * from api_key where tenant_id = $1', [acme.tenantId])
    expect(row.hash).toEqual(createHash('sha256').update(acme.apiKey).digest())
    expect(row.prefix).toBe(acme.apiKey.slice(0, 8))
    expect(JSON.stringify(row)).not.toContain(acme.apiKey.slice(8, 40))
  })

  it('tell when they were last used, written behind and at most once a minute; sessions, too', async () => {
    const made = await session(wataki, await logInAs(acme))
    await writeLastUseDue(wataki.app)
    await rows('update api_key set last_used_at = null')
    const look = async () =>
      (await rows('select xmin::text as version, last_used_at from api_key where tenant_id = $1', [acme.tenantId]))[0]
    const before = await look()
    await Promise.all(Array.from({ length: 20 }, () => acme.get('/v1/auth/me')))
    await get(wataki.url, '/v1/auth/me', made.headers)
    expect(await look()).toEqual(before)
    await writeLastUseDue(wataki.app)
    const written = await look()
    expect(Math.abs(written.last_used_at.getTime() - Date.now())).toBeLessThan(60_000)
    expect((await rows('select last_seen_at from session where last_seen_at is not null')).length).toBeGreaterThan(0)
    await acme.get('/v1/auth/me')
    await writeLastUseDue(wataki.app)
    expect(await look()).toEqual(written)
    await rows(`update api_key set last_used_at = now() - interval '61 seconds'`)
    await acme.get('/v1/auth/me')
    await writeLastUseDue(wataki.app)
    expect((await look()).last_used_at.getTime()).toBeGreaterThan(Date.now() - 10_000)
    const { data } = (await acme.get('/v1/auth/api-keys')).body
    expect(data[0].last_used_at).toMatch(/\.\d{3}Z$/)
  })

  async function logInAs(caller: Caller): Promise<string> {
    const [{ email }] = await rows('select email from tenant where id = $1', [caller.tenantId])
    return logIn(wataki, email)
  }
})

describe('a verify from a page of another site', () => {
  it('does not exchange the session that a browser has', async () => {
    const mine = await session(wataki, await signUp(wataki, 'mine@example.com'))
    const theirs = await signUp(wataki, 'theirs@example.com')
    const forged = { ...cookie(wataki, mine.token), origin: 'https://evil.example' }
    expect((await verify(theirs, forged)).status).toBe(403)
    expect((await get(wataki.url, '/v1/auth/me', mine.headers)).status).toBe(200)
  })
})
