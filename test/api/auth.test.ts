import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Revocation } from '../../src/resolvers/auth/revocations.ts'
import { setTenantStatus } from '../../src/resolvers/auth/setTenantStatus.ts'
import { stillGood } from '../../src/resolvers/auth/still-good.ts'
import { tidyAccountsDue } from '../../src/resolvers/auth/tidyAccountsDue.ts'
import { type Caller, openTestApp, type TestApp } from '../support/app.ts'
import { cookie, get, logIn, post, rowsOf, session, signUp } from '../support/auth.ts'

let wataki: TestApp
let acme: Caller
let other: Caller

beforeAll(async () => {
  wataki = await openTestApp({ RATE_LIMIT_PER_MINUTE: '100000' })
  acme = await wataki.tenant()
  other = await wataki.tenant()
})
afterAll(() => wataki.close())
beforeEach(() => rowsOf(wataki, 'delete from mail_request'))

const CHECK = { message: 'Check your email for a sign-in link.' }
const rows = (text: string, params?: unknown[]) => rowsOf(wataki, text, params)
const isError = (code: string, details: unknown = {}) => ({ error: { code, message: expect.any(String), details } })

const me = (by: { headers: Record<string, string> }) => get(wataki.url, '/v1/auth/me', by.headers)

describe('POST /v1/auth/signup', () => {
  it('answers a sentence and mails a link that makes the account', async () => {
    const answer = await post(wataki.url, '/v1/auth/signup', { name: ' New Co ', email: ' New@Example.com ' })
    expect([answer.status, answer.body]).toEqual([200, CHECK])
    const letter = await wataki.letterTo('new@example.com')
    expect(letter).toMatchObject({ kind: 'sign_up', validMinutes: 15 })
    expect(letter.link).toMatch(/^http:\/\/localhost:\d+\/auth\/verify#token=[\w-]{43}$/)
    expect(await rows("select 1 from tenant where email = 'new@example.com'")).toEqual([])
  })

  it('mails a sign-in link to a known address, and its name stays what it was', async () => {
    await post(wataki.url, '/v1/auth/verify', { token: await signUp(wataki, 'known@example.com', 'First') })
    const token = await signUp(wataki, 'known@example.com', 'Second')
    expect((await wataki.letterTo('known@example.com')).kind).toBe('sign_in')
    expect((await post(wataki.url, '/v1/auth/verify', { token })).body.tenant.name).toBe('First')
  })

  it('names every bad field at once', async () => {
    const bad = [
      [{}, ['name', 'email']],
      [{ name: '', email: 'x' }, ['name', 'email']],
      [{ name: 'x'.repeat(101), email: `${'x'.repeat(250)}@example.com` }, ['name', 'email']],
      [{ name: 'a\nb', email: 'a@b.c\r\nBcc: d@e.f' }, ['name', 'email']],
      [{ name: 'ok', email: 'a@b.c, d@e.f' }, ['email']],
      [{ name: 'ok', email: '<a@b.c>' }, ['email']],
      [{ name: 'ok', email: 'ok@example.com', nonsense: 1 }, ['nonsense']],
    ] as const
    for (const [body, fields] of bad) {
      const answer = await post(wataki.url, '/v1/auth/signup', body)
      expect(answer.body, JSON.stringify(body)).toEqual(isError('validation_error', expect.any(Object)))
      expect(Object.keys(answer.body.error.details).sort()).toEqual([...fields].sort())
    }
  })
})

describe('POST /v1/auth/login', () => {
  it('mails a link to who has an account, and nothing to who has none', async () => {
    const [{ email }] = await rows('select email from tenant where id = $1', [acme.tenantId])
    const before = wataki.app.mail.kept().length
    expect((await post(wataki.url, '/v1/auth/login', { email: 'stranger@example.com' })).body).toEqual(CHECK)
    await logIn(wataki, email)
    expect(wataki.app.mail.kept().length).toBe(before + 1)
    expect(await rows('select 1 from mail')).toEqual([])
  })

  it('names a bad address', async () => {
    const answer = await post(wataki.url, '/v1/auth/login', { email: 'nobody' })
    expect([answer.status, answer.body]).toEqual([
      400,
      isError('validation_error', { email: 'must be an e-mail address' }),
    ])
  })
})

describe('POST /v1/auth/verify', () => {
  it('makes the account, and starts a session of 30 days that opens every door', async () => {
    const made = await session(wataki, await signUp(wataki, 'fresh@example.com', 'Fresh'))
    expect(made.tenant).toMatchObject({ name: 'Fresh', email: 'fresh@example.com' })
    expect(made.setCookie.split('; ').slice(1).sort()).toEqual([
      'HttpOnly',
      'Max-Age=2592000',
      'Path=/',
      'SameSite=Lax',
    ])
    expect((await me(made)).body).toMatchObject({ id: made.tenant.id, status: 'active' })
    const list = await get(wataki.url, '/v1/instances', made.headers)
    expect([list.status, list.body.data]).toEqual([200, []])
  })

  it('answers exactly id, name, email and plan over REST', async () => {
    const answer = await post(wataki.url, '/v1/auth/verify', { token: await signUp(wataki, 'exact@example.com') })
    expect(answer.status).toBe(200)
    expect(answer.body).toEqual({
      tenant: { id: expect.stringMatching(/^ten_/), name: 'Acme', email: 'exact@example.com', plan: 'free' },
    })
  })

  it('keeps neither link nor session readable, and the sealed letter is gone once sent', async () => {
    const link = await signUp(wataki, 'secret@example.com')
    const { token } = await session(wataki, link)
    const tables =
      await rows(`select json_agg(l)::text as l from (select encode(hash, 'hex'), email, name from sign_in_link) l
      union all select json_agg(s)::text from (select id, encode(token_hash, 'hex') from session) s
      union all select json_agg(m)::text from (select encode(letter, 'escape') from mail) m
      union all select json_agg(a)::text from audit_log a`)
    expect(JSON.stringify(tables)).not.toContain(token)
    expect(JSON.stringify(tables)).not.toContain(link)
  })

  it('a new request puts an end to the older links of the address', async () => {
    const old = await signUp(wataki, 'twice@example.com')
    const next = await signUp(wataki, 'twice@example.com')
    expect((await post(wataki.url, '/v1/auth/verify', { token: old })).status).toBe(401)
    expect((await post(wataki.url, '/v1/auth/verify', { token: next })).status).toBe(200)
  })

  it('of two names of one address, each asked for by somebody, the newest link decides', async () => {
    await signUp(wataki, 'name@example.com', 'Not mine')
    const { tenant } = await session(wataki, await signUp(wataki, 'name@example.com', 'Mine'))
    expect(tenant.name).toBe('Mine')
  })

  it('never adopts what the cookie holds: that session ends, and the id is a new one', async () => {
    const first = await session(wataki, await signUp(wataki, 'rotate@example.com'))
    const revoked: Revocation[] = []
    const stop = wataki.app.revocations.onRevoked(revocation => revoked.push(revocation))
    const second = await session(wataki, await logIn(wataki, 'rotate@example.com'), first.headers)
    stop()
    expect(second.token).not.toBe(first.token)
    expect((await me(first)).status).toBe(401)
    expect((await me(second)).status).toBe(200)
    expect(revoked).toEqual([{ tenantId: first.tenant.id, sessionId: expect.stringMatching(/^ses_/) }])
    const planted = { headers: cookie(wataki, 'A'.repeat(43)) }
    const third = await session(wataki, await logIn(wataki, 'rotate@example.com'), planted.headers)
    expect(third.headers).not.toEqual(planted.headers)
    expect((await me(planted)).status).toBe(401)
  })

  it('answers 403 account_inactive for a suspended tenant, and starts no session', async () => {
    await session(wataki, await signUp(wataki, 'bad@example.com'))
    await setTenantStatus(wataki.app, { email: 'bad@example.com' }, 'suspended')
    await rows('delete from session')
    const token = await logIn(wataki, 'bad@example.com')
    const answer = await post(wataki.url, '/v1/auth/verify', { token })
    expect([answer.status, answer.body]).toEqual([403, isError('account_inactive')])
    expect((await post(wataki.url, '/v1/auth/verify', { token })).status).toBe(401)
    expect(await rows('select 1 from session')).toEqual([])
  })
})

describe('POST /v1/auth/logout', () => {
  it('ends the session at once, tells who listens, and clears the cookie', async () => {
    const made = await session(wataki, await signUp(wataki, 'out@example.com'))
    const [{ id }] = await rows('select id from session where tenant_id = $1', [made.tenant.id])
    const caller = { tenantId: made.tenant.id, via: { kind: 'session', sessionId: id } } as const
    expect(await stillGood(wataki.app, [caller])).toEqual([caller])
    const revoked: Revocation[] = []
    const stop = wataki.app.revocations.onRevoked(revocation => revoked.push(revocation))
    const answer = await post(wataki.url, '/v1/auth/logout', undefined, made.headers)
    stop()
    expect([answer.status, answer.body]).toEqual([200, { message: 'Logged out' }])
    expect(answer.headers.get('set-cookie')).toMatch(/^wataki_session=; Max-Age=0; Path=\/; HttpOnly/)
    expect((await me(made)).status).toBe(401)
    expect(revoked).toEqual([{ tenantId: made.tenant.id, sessionId: id }])
    expect(await stillGood(wataki.app, [caller])).toEqual([])
  })

  it('answers the same with an API key, which goes on working', async () => {
    expect(await acme.post('/v1/auth/logout')).toMatchObject({ status: 200, body: { message: 'Logged out' } })
    expect((await acme.get('/v1/auth/me')).status).toBe(200)
  })
})

describe('a session', () => {
  it('is refused while its tenant is suspended, and ends after 30 days', async () => {
    const made = await session(wataki, await signUp(wataki, 'ends@example.com'))
    await setTenantStatus(wataki.app, { id: made.tenant.id }, 'suspended')
    expect(await me(made)).toMatchObject({ status: 403, body: isError('account_inactive') })
    await setTenantStatus(wataki.app, { id: made.tenant.id }, 'active')
    expect((await me(made)).status).toBe(200)
    await rows(`update session set expires_at = now() - interval '1 second' where tenant_id = $1`, [made.tenant.id])
    expect(await me(made)).toMatchObject({ status: 401, body: isError('unauthorized') })
  })
})

describe('GET /v1/auth/me', () => {
  it('answers id, name, email, plan, status and created_at', async () => {
    expect((await acme.get('/v1/auth/me')).body).toEqual({
      id: acme.tenantId,
      name: expect.any(String),
      email: expect.stringContaining('@example.com'),
      plan: 'free',
      status: 'active',
      created_at: expect.stringMatching(/^\d{4}-.*\.\d{3}Z$/),
    })
  })

  it('answers 403 account_inactive while the tenant is suspended', async () => {
    const paused = await wataki.tenant()
    await setTenantStatus(wataki.app, { id: paused.tenantId }, 'suspended')
    expect(await paused.get('/v1/auth/me')).toMatchObject({ status: 403, body: isError('account_inactive') })
    await setTenantStatus(wataki.app, { id: paused.tenantId }, 'active')
    expect((await paused.get('/v1/auth/me')).status).toBe(200)
  })
})

describe('API keys', () => {
  it('are made with 201, shown once, and open the door', async () => {
    const { status, body } = await acme.post('/v1/auth/api-keys', { name: 'production' })
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.stringMatching(/^key_/),
      api_key: expect.stringMatching(/^[0-9a-f]{64}$/),
      key_prefix: body.api_key.slice(0, 8),
      name: 'production',
      created_at: expect.stringMatching(/\.\d{3}Z$/),
    })
    const own = await acme.request('GET', '/v1/auth/me', { headers: { 'x-api-key': body.api_key } })
    expect(own.body.id).toBe(acme.tenantId)
    const { data } = (await acme.get('/v1/auth/api-keys')).body
    expect(data[0]).toEqual({
      id: body.id,
      key_prefix: body.key_prefix,
      name: 'production',
      created_at: body.created_at,
      last_used_at: null,
    })
    expect(JSON.stringify(data)).not.toContain(body.api_key)
  })

  it('need a name', async () => {
    for (const name of [undefined, '', ' ', 'x'.repeat(101), 7, null]) {
      const answer = await acme.post('/v1/auth/api-keys', { name })
      expect(answer.body, String(name)).toEqual(isError('validation_error', { name: expect.any(String) }))
    }
  })

  it('stop at the moment in which they are revoked, answered 204, and leave the list', async () => {
    const { body } = await acme.post('/v1/auth/api-keys', { name: 'short-lived' })
    const revoked: Revocation[] = []
    const stop = wataki.app.revocations.onRevoked(revocation => revoked.push(revocation))
    expect(await acme.delete(`/v1/auth/api-keys/${body.id}`)).toMatchObject({ status: 204, body: undefined })
    stop()
    expect(revoked).toEqual([{ tenantId: acme.tenantId, apiKeyId: body.id }])
    const late = await acme.request('GET', '/v1/auth/me', { headers: { 'x-api-key': body.api_key } })
    expect([late.status, late.body]).toEqual([401, isError('unauthorized')])
    const { data } = (await acme.get('/v1/auth/api-keys')).body
    expect(data.map((key: { id: string }) => key.id)).not.toContain(body.id)
    expect((await acme.delete(`/v1/auth/api-keys/${body.id}`)).status).toBe(404)
  })

  it('of another tenant are the same 404 as missing ones, and stay', async () => {
    const { body } = await acme.post('/v1/auth/api-keys', { name: 'mine' })
    const foreign = await other.delete(`/v1/auth/api-keys/${body.id}`)
    const missing = await other.delete('/v1/auth/api-keys/key_01m84k41q5bzehev0j4g4kfb1t')
    expect([foreign.status, foreign.body]).toEqual([404, missing.body])
    const still = await acme.request('GET', '/v1/auth/me', { headers: { 'x-api-key': body.api_key } })
    expect(still.status).toBe(200)
  })

  it('are at most 500 for a tenant, however many are asked for at once', async () => {
    const many = await wataki.tenant()
    await rows(
      `insert into api_key (id, tenant_id, name, prefix, hash)
       select 'key_many_' || n, $1, 'n', 'x', sha256(('many' || n)::bytea) from generate_series(1, 494) as n`,
      [many.tenantId],
    )
    const answers = await Promise.all(Array.from({ length: 20 }, () => many.post('/v1/auth/api-keys', { name: 'x' })))
    expect(answers.filter(answer => answer.status === 201)).toHaveLength(5)
    expect(answers.find(answer => answer.status !== 201)).toMatchObject({
      status: 409,
      body: isError('limit_exceeded'),
    })
  })
})

describe('GraphQL', () => {
  it('has the same chapter', async () => {
    const { data } = await acme.graphql(
      `mutation { createApiKey(input: { name: "g" }) { id apiKey keyPrefix } logout { message } }`,
    )
    expect(data).toMatchObject({ createApiKey: { id: expect.any(String) }, logout: { message: 'Logged out' } })
    const query = await acme.graphql('{ me { id plan status createdAt } apiKeys { data { id keyPrefix lastUsedAt } } }')
    expect(query.data).toMatchObject({ me: { id: acme.tenantId, plan: 'free', status: 'active' } })
    expect(await acme.graphql('mutation($id: ID!) { revokeApiKey(keyId: $id) }', { id: data.createApiKey.id })).toEqual(
      {
        data: { revokeApiKey: true },
      },
    )
    const asked = await post(wataki.url, '/graphql', {
      query: 'mutation { login(input: { email: "nobody@example.com" }) { message } }',
    })
    expect(asked.body).toEqual({ data: { login: CHECK } })
  })
})

describe('the audit log', () => {
  it('tells who did what, in the transaction of what was done', async () => {
    const made = await session(wataki, await signUp(wataki, 'audit@example.com'))
    const [{ id: sessionId }] = await rows('select id from session where tenant_id = $1', [made.tenant.id])
    await post(wataki.url, '/v1/auth/logout', undefined, { ...made.headers, 'x-request-id': 'bye' })
    const { body: key } = await acme.post('/v1/auth/api-keys', { name: 'k' }, { 'x-request-id': 'quote-me' })
    await acme.delete(`/v1/auth/api-keys/${key.id}`)
    const { body: instance } = await acme.post('/v1/instances', { name: 'audited' })
    await acme.delete(`/v1/instances/${instance.id}`)
    const of = (tenantId: string) =>
      rows('select action, actor, target, ip, request_id from audit_log where tenant_id = $1 order by id', [tenantId])
    expect((await of(made.tenant.id)).map(row => row.action)).toEqual(['signup', 'login', 'logout'])
    expect((await of(made.tenant.id)).at(-1)).toEqual({
      action: 'logout',
      actor: { kind: 'session', id: sessionId },
      target: sessionId,
      ip: '127.0.0.1',
      request_id: 'bye',
    })
    const log = await of(acme.tenantId)
    expect(log[0]).toMatchObject({ action: 'tenant.created', actor: { kind: 'operator', id: null } })
    const about = (id: string) => log.filter(row => row.target === id)
    expect(about(key.id).map(row => row.action)).toEqual(['api_key.created', 'api_key.revoked'])
    expect(about(key.id)[0]).toMatchObject({
      request_id: 'quote-me',
      actor: { kind: 'key', id: expect.stringMatching(/^key_/) },
    })
    expect(about(instance.id).map(row => row.action)).toEqual(['instance.created', 'instance.deleted'])
  })

  it('has no row of what was refused, and no row of it can be changed or deleted', async () => {
    const count = async () => (await rows('select count(*)::int as n from audit_log'))[0].n
    await acme.post('/v1/instances', { name: 'taken' })
    const before = await count()
    expect((await acme.post('/v1/instances', { name: 'taken' })).status).toBe(409)
    expect(await count()).toBe(before)
    for (const statement of [`update audit_log set action = 'x'`, 'delete from audit_log', 'truncate audit_log']) {
      await expect(rows(statement), statement).rejects.toThrow(/append-only/)
    }
  })
})

describe('tidying', () => {
  it('deletes what has expired, and nothing else', async () => {
    const live = await session(wataki, await signUp(wataki, 'live@example.com'))
    await session(wataki, await signUp(wataki, 'dead@example.com'))
    await signUp(wataki, 'unused@example.com')
    const past = `now() - interval '1 hour'`
    await rows(`update session set expires_at = ${past} where tenant_id <> $1`, [live.tenant.id])
    await rows(`update sign_in_link set expires_at = ${past}`)
    await rows(`update mail_request set last_at = ${past}`)
    await rows(`insert into mail (id, letter, next_attempt_at, expires_at) values ('mail_1', 'x', now(), ${past})`)
    await rows(
      `insert into api_key (id, tenant_id, name, prefix, hash, revoked_at)
       values ('key_old', $1, 'o', 'o', sha256('old'), now() - interval '31 days')`,
      [acme.tenantId],
    )
    await tidyAccountsDue(wataki.app)
    expect(await rows('select tenant_id from session')).toEqual([{ tenant_id: live.tenant.id }])
    for (const table of ['sign_in_link', 'mail_request', 'mail']) {
      expect(await rows(`select 1 from ${table}`), table).toEqual([])
    }
    expect(await rows(`select 1 from api_key where id = 'key_old'`)).toEqual([])
    expect((await acme.get('/v1/auth/me')).status).toBe(200)
  })
})
