import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../support/app.ts'
import { openTestApp, type TestApp } from '../support/app.ts'
import { signUp } from '../support/auth.ts'
import { type Got, type Nodes, openNodes, type Sent, send } from '../support/nodes.ts'

let nodes: Nodes
let host: string
const PARTNER = 'https://partner.example'
beforeAll(async () => {
  nodes = await openNodes(2, { RATE_LIMIT_PER_MINUTE: '1000000', CORS_ORIGINS: PARTNER })
  host = new URL(nodes.nodes[0]!.url).host
})
afterAll(() => nodes.close())

const at = (path: string, node = 0) => nodes.nodes[node]!.url + path
const JSON_TYPE = { 'content-type': 'application/json' }

/** What stands in the tables; not when something was last looked at. */
async function state(): Promise<Json> {
  const tables = ['tenant', 'instance', 'message', 'api_key', 'session', 'mail', 'sign_in_link', 'audit_log']
  const seen: Json = {}
  for (const table of tables) {
    seen[table] = await nodes.rows(
      `select to_jsonb(t) - 'last_used_at' - 'last_seen_at' as row from ${table} t order by 1::text`,
    )
  }
  return seen
}

interface Route {
  method: string
  path: string
  open: boolean
  multipart: boolean
}

/** It knows no cookie: who calls it has signed what they say. */
const SIGNED = '/v1/billing/stripe-webhook'

/** Every route that changes something, with the ids of one tenant's things in its path. */
async function mutatingRoutes(ids: Record<string, string>): Promise<Route[]> {
  const { body } = await send(at('/v1/openapi.json'))
  return Object.entries<Json>(body.paths).flatMap(([path, item]) =>
    Object.entries<Json>(SIGNED.endsWith(path) ? {} : item)
      .filter(([method]) => ['post', 'patch', 'delete'].includes(method))
      .map(([method, operation]) => ({
        method: method.toUpperCase(),
        path: (path.startsWith('/v1') ? path : `/v1${path}`).replace(/\{(\w+)\}/g, (_, name) => ids[name] ?? 'none'),
        open: operation.security?.length === 0,
        multipart: operation.requestBody?.content['multipart/form-data'] !== undefined,
      })),
  )
}

const MULTIPART = '--x\r\nContent-Disposition: form-data; name="name"\r\n\r\nforged\r\n--x--\r\n'
const FORGED = '{"name":"forged"}'
const evil = { origin: 'https://evil.example' }
const own = () => ({ origin: `http://${host}` })

/** As a page of somebody else can make a browser send them; the last ones also from where the origin is ours. */
const shapes = (): Record<string, Sent> => ({
  'a form': { headers: { ...evil, 'content-type': 'application/x-www-form-urlencoded' }, body: 'name=forged' },
  'a form with nothing in it': { headers: { ...evil, 'content-length': '0' } },
  'a form of text': { headers: { ...evil, 'content-type': 'text/plain' }, body: `${FORGED}=` },
  'a form of parts': { headers: { ...evil, 'content-type': 'multipart/form-data; boundary=x' }, body: MULTIPART },
  'a form from a sandboxed frame': { headers: { origin: 'null', 'content-type': 'text/plain' }, body: FORGED },
  'JSON from another site': { headers: { ...evil, ...JSON_TYPE }, body: FORGED },
  'JSON from a null origin': { headers: { origin: 'null', ...JSON_TYPE }, body: FORGED },
  'JSON from a partner': { headers: { origin: PARTNER, ...JSON_TYPE }, body: FORGED },
  'JSON from our host under another scheme': { headers: { origin: `ftp://${host}`, ...JSON_TYPE }, body: FORGED },
  'JSON from another port': { headers: { origin: 'http://127.0.0.1:1', ...JSON_TYPE }, body: FORGED },
  'JSON from a name that begins like ours': {
    headers: { host: 'app.example', origin: 'http://app.example.evil.example', ...JSON_TYPE },
    body: FORGED,
  },
  'JSON from a name that ends like ours': { headers: { origin: `http://evil-${host}`, ...JSON_TYPE }, body: FORGED },
  'JSON from a subdomain': { headers: { origin: `http://x.${host}`, ...JSON_TYPE }, body: FORGED },
  'JSON from us with a user name': { headers: { origin: `http://evil@${host}`, ...JSON_TYPE }, body: FORGED },
  'JSON from us with a path': { headers: { origin: `http://${host}/`, ...JSON_TYPE }, body: FORGED },
  'JSON with two origins': { headers: { origin: `http://${host} https://evil.example`, ...JSON_TYPE }, body: FORGED },
  'JSON with an empty origin': { headers: { origin: '', ...JSON_TYPE }, body: FORGED },
  'JSON of another site, without its name': { headers: { 'sec-fetch-site': 'cross-site', ...JSON_TYPE }, body: FORGED },
  'JSON of a sibling, without its name': { headers: { 'sec-fetch-site': 'same-site', ...JSON_TYPE }, body: FORGED },
  'JSON of another site under our name': {
    headers: { ...own(), 'sec-fetch-site': 'cross-site', ...JSON_TYPE },
    body: FORGED,
  },
  'a forwarded host': { headers: { ...evil, 'x-forwarded-host': 'evil.example', ...JSON_TYPE }, body: FORGED },
  'a GET of an image': { method: 'GET', headers: { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' } },
  'a GET by script': { method: 'GET', headers: { ...evil, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' } },
})

/** Not of another site, and still no request that our pages send. */
const odd = (): Record<string, Sent> => ({
  'a form without any origin': {
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'name=forged',
  },
  'our own form': { headers: { ...own(), 'content-type': 'application/x-www-form-urlencoded' }, body: 'name=forged' },
  'our own text': { headers: { ...own(), 'content-type': 'text/plain' }, body: FORGED },
  'our own parts': { headers: { ...own(), 'content-type': 'multipart/form-data; boundary=x' }, body: MULTIPART },
  'our own bytes without a type': { headers: own(), body: FORGED },
})

const withHeaders = (sent: Sent, method: string, headers: Record<string, string>): Sent => ({
  method,
  ...sent,
  headers: { ...sent.headers, ...headers },
})

describe('a write by session cookie', () => {
  it('in 23 shapes that another site can send is 403 on every route, and nothing changes', async () => {
    expect(Object.keys(shapes())).toHaveLength(23)
    const { tenantId, apiKey, keyId } = await nodes.tenant()
    const { cookie } = await nodes.session(tenantId)
    const made = await send(at('/v1/instances'), { headers: { 'x-api-key': apiKey }, json: { name: 'mine' } })
    const routes = await mutatingRoutes({ instance_id: made.body.id, key_id: keyId })
    expect(routes.length).toBeGreaterThanOrEqual(12)
    const before = await state()
    const forgeries = { ...shapes(), ...odd() }
    for (const { method, path, open, multipart } of routes) {
      for (const [name, shape] of Object.entries(forgeries)) {
        // An open route does not look at the cookie: only a foreign page is kept from signing somebody in.
        if (open && (name in odd() || shape.method === 'GET')) continue
        // Our pages do send parts where a file is taken: see media.test.ts.
        if (name === 'our own parts' && multipart) continue
        const got = await send(at(path), withHeaders(shape, method, { cookie }))
        expect([got.status, got.body.error.code], `${name}: ${method} ${path}`).toEqual([403, 'forbidden'])
        expect(got.headers['access-control-allow-credentials']).toBeUndefined()
      }
    }
    expect(await state()).toEqual(before)
  }, 60_000)

  it('is 403 at GraphQL in the same shapes, whatever it asks for, and a GET changes nothing', async () => {
    const { tenantId } = await nodes.tenant()
    const { cookie } = await nodes.session(tenantId)
    const before = await state()
    const query = 'mutation { createInstance(input: { name: "forged" }) { id } }'
    const body = JSON.stringify({ query })
    for (const [name, shape] of Object.entries({ ...shapes(), ...odd() })) {
      const path = shape.method === 'GET' ? `/graphql?query=${encodeURIComponent(query)}` : '/graphql'
      const forged = { ...shape, ...(shape.method !== 'GET' && { body }) }
      const got = await send(
        at(path),
        withHeaders(forged, 'POST', { cookie, 'content-length': String(forged.body?.length ?? 0) }),
      )
      expect([got.status, got.body.errors[0].extensions.code], name).toEqual([403, 'forbidden'])
    }
    const led = { cookie, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', accept: 'application/json' }
    const link = await send(at(`/graphql?query=${encodeURIComponent(query)}`), { headers: led })
    expect(link.status).toBe(405)
    expect(await state()).toEqual(before)
  })

  it('with an API key and without a cookie is let in, in the same shapes', async () => {
    const { apiKey, keyId } = await nodes.tenant()
    const other = await nodes.tenant()
    for (const { method, path } of await mutatingRoutes({ instance_id: 'inst_none', key_id: 'key_none' })) {
      for (const [name, shape] of Object.entries({ ...shapes(), ...odd() })) {
        const got = await send(at(path), withHeaders(shape, method, { 'x-api-key': apiKey }))
        expect([401, 403], `${name}: ${method} ${path}`).not.toContain(got.status)
      }
    }
    const made = { headers: { 'x-api-key': other.apiKey, ...evil, cookie: 'wataki_session=x' }, json: { name: 'real' } }
    expect((await send(at('/v1/instances'), made)).status).toBe(201)
    expect(keyId).toMatch(/^key_/)
  }, 60_000)

  it('from our own pages is let in: by the origin of Host, of PUBLIC_URL, or Sec-Fetch-Site alone', async () => {
    const { tenantId } = await nodes.tenant()
    const { cookie } = await nodes.session(tenantId)
    const { publicUrl } = nodes.nodes[0]!.app.config
    const from: Record<string, string>[] = [
      own(),
      { origin: new URL(publicUrl).origin },
      { ...own(), 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'same-origin' },
      { origin: `https://${host}` },
    ]
    for (const [i, headers] of from.entries()) {
      const got = await send(at('/v1/instances'), { headers: { ...headers, cookie }, json: { name: `own ${i}` } })
      expect(got.status, JSON.stringify(headers)).toBe(201)
      const gone = { method: 'DELETE', headers: { ...headers, cookie } }
      expect((await send(at(`/v1/instances/${got.body.id}`), gone)).status).toBe(204)
    }
    const query = 'mutation { createInstance(input: { name: "by GraphQL" }) { id } }'
    const asked = await send(at('/graphql'), { headers: { ...own(), cookie }, json: { query } })
    expect(asked.body.data.createInstance.id).toMatch(/^inst_/)
  })
})

describe('the session cookie', () => {
  it('opens every route that a key opens, and a key wins over it', async () => {
    const { tenantId, apiKey } = await nodes.tenant()
    const other = await nodes.tenant()
    const { cookie } = await nodes.session(tenantId)
    const me = (headers: Record<string, string>) => send(at('/v1/auth/me'), { headers })
    expect((await me({ cookie })).body.id).toBe(tenantId)
    expect((await me({ cookie: `a=b; ${cookie}; c=d` })).body.id).toBe(tenantId)
    // A program sends neither Origin nor Sec-Fetch-Site.
    const made = await send(at('/v1/auth/api-keys'), { headers: { cookie }, json: { name: 'by a program' } })
    expect(made.status).toBe(201)
    expect((await me({ 'x-api-key': apiKey })).body.id).toBe(tenantId)
    expect((await me({ cookie, 'x-api-key': other.apiKey })).body.id).toBe(other.tenantId)
    expect((await me({ cookie, 'x-api-key': 'bad' })).status).toBe(401)
    expect(
      (await send(at('/graphql'), { headers: { ...own(), cookie }, json: { query: '{ me { id } }' } })).body,
    ).toEqual({ data: { me: { id: tenantId } } })
  })

  it('is nobody’s when it is unknown, cut short, or planted beside another', async () => {
    const { tenantId } = await nodes.tenant()
    const [a, b] = [await nodes.session(tenantId), await nodes.session(tenantId)]
    for (const cookie of [
      'wataki_session=',
      'wataki_session=x',
      `wataki_session=${'x'.repeat(43)}`,
      a.cookie.slice(0, -1),
      `xwataki_session=${a.token}`,
      `${a.cookie}; ${b.cookie}`,
    ]) {
      expect((await send(at('/v1/auth/me'), { headers: { cookie } })).status, cookie).toBe(401)
    }
  })

  it('is HttpOnly, SameSite=Lax, of this host and path alone, for 30 days; Secure when PUBLIC_URL is https', async () => {
    for (const [publicUrl, secure] of [
      ['http://localhost:3000', ''],
      ['https://api.example.com', '; Secure'],
    ] as const) {
      const wataki: TestApp = await openTestApp({ PUBLIC_URL: publicUrl, SANDBOX: 'off' })
      try {
        const planted = 'x'.repeat(43)
        const headers = { cookie: `wataki_session=${planted}` }
        const token = await signUp(wataki, 'cookie@example.com')
        const verified = await send(`${wataki.url}/v1/auth/verify`, { headers, json: { token } })
        const [cookie] = verified.headers['set-cookie'] as string[]
        const [, value] = /^wataki_session=([\w-]{43}); /.exec(cookie!)!
        expect(cookie).toBe(`wataki_session=${value}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax${secure}`)
        expect(value).not.toBe(planted)
        const signedIn = { cookie: `wataki_session=${value}`, origin: publicUrl }
        const again = await send(`${wataki.url}/v1/auth/verify`, {
          headers: signedIn,
          json: { token: await signUp(wataki, 'cookie@example.com') },
        })
        expect(again.headers['set-cookie']![0]).not.toContain(value)
        const renewed = { cookie: again.headers['set-cookie']![0]!.split(';')[0]!, origin: publicUrl }
        const me = (headers: Record<string, string>) => send(`${wataki.url}/v1/auth/me`, { headers })
        expect([(await me(signedIn)).status, (await me(renewed)).status]).toEqual([401, 200])
        const out = await send(`${wataki.url}/v1/auth/logout`, { method: 'POST', headers: renewed })
        expect(out.headers['set-cookie']).toEqual([
          `wataki_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax${secure}`,
        ])
        expect((await me(renewed)).status).toBe(401)
      } finally {
        await wataki.close()
      }
    }
  })
})

describe('pages of other origins', () => {
  const preflight = (origin: string, path = '/v1/instances'): Promise<Got> =>
    send(at(path), {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key' },
    })

  it('that are listed may call with an API key, and never with cookies', async () => {
    const { apiKey, tenantId } = await nodes.tenant()
    const { cookie } = await nodes.session(tenantId)
    for (const path of ['/v1/instances', '/graphql']) {
      const asked = await preflight(PARTNER, path)
      expect([asked.status, asked.headers['access-control-allow-origin'], asked.headers.vary]).toEqual([
        204,
        PARTNER,
        'Origin',
      ])
      expect(asked.headers['access-control-allow-headers']).toContain('X-API-Key')
      expect(asked.headers['access-control-allow-credentials']).toBeUndefined()
    }
    const listed = await send(at('/v1/instances'), { headers: { origin: PARTNER, 'x-api-key': apiKey } })
    expect([listed.status, listed.headers['access-control-allow-origin']]).toEqual([200, PARTNER])
    expect(listed.headers['access-control-expose-headers']).toContain('X-RateLimit-Remaining')
    const query = { headers: { origin: PARTNER, 'x-api-key': apiKey }, json: { query: '{ me { id } }' } }
    expect((await send(at('/graphql'), query)).headers['access-control-allow-origin']).toBe(PARTNER)
    expect((await send(at('/v1/instances'), { headers: { origin: PARTNER, cookie } })).status).toBe(403)
  })

  it('that are not listed are told nothing', async () => {
    for (const origin of [
      'https://evil.example',
      'null',
      `${PARTNER}.evil.example`,
      PARTNER.replace('https', 'http'),
    ]) {
      const asked = await preflight(origin)
      expect(asked.headers['access-control-allow-origin'], origin).toBeUndefined()
      expect(asked.headers['access-control-allow-headers']).toBeUndefined()
    }
  })
})

describe('a suspended tenant', () => {
  it('is 403 account_inactive by key and by cookie, at both doors and every node, in the moment it is suspended', async () => {
    const { tenantId, apiKey } = await nodes.tenant()
    const { cookie } = await nodes.session(tenantId)
    await nodes.rows(`update tenant set status = 'suspended' where id = $1`, [tenantId])
    for (const node of [0, 1]) {
      for (const headers of [{ 'x-api-key': apiKey }, { cookie, ...own() }] as Record<string, string>[]) {
        const rest = await send(at('/v1/instances', node), { headers })
        expect([rest.status, rest.body.error.code]).toEqual([403, 'account_inactive'])
        const graphql = await send(at('/graphql', node), { headers, json: { query: '{ me { id } }' } })
        expect([graphql.status, graphql.body.errors[0].extensions.code]).toEqual([403, 'account_inactive'])
      }
    }
    await nodes.rows(`update tenant set status = 'active' where id = $1`, [tenantId])
    expect((await send(at('/v1/instances'), { headers: { 'x-api-key': apiKey } })).status).toBe(200)
  })
})
