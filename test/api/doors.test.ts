import SwaggerParser from '@apidevtools/swagger-parser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, type Json, openTestApp, type TestApp } from '../support/app.ts'

let wataki: TestApp
let acme: Caller
let instanceId: string
let routes: { method: string; path: string; operation: Json }[]

beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  instanceId = (await acme.post('/v1/instances', { name: 'for the doors', sandbox: true })).body.id
  const { body } = await acme.get('/v1/openapi.json')
  const { '/v1/openapi.json': _, ...paths } = body.paths
  routes = Object.entries<Json>(paths).flatMap(([path, item]) =>
    Object.entries<Json>(item)
      .filter(([method]) => ['get', 'post', 'patch', 'delete'].includes(method))
      .map(([method, operation]) => ({
        method: method.toUpperCase(),
        path: (path.startsWith('/v1') ? path : `/v1${path}`)
          .replace('{instance_id}', instanceId)
          .replace('{message_id}', 'msg_01m84k41q5bzehev0j4g4kfb1t'),
        operation,
      })),
  )
})
afterAll(() => wataki.close())

const error = (code: string, details: unknown = expect.any(Object)) => ({
  error: { code, message: expect.any(String), details },
})
/** Files come another way, and so does what is believed by its signature: they have tests of their own. */
const takesJson = (operation: Json): boolean =>
  operation.requestBody?.content['application/json'] !== undefined &&
  !operation.parameters?.some(({ name }: Json) => name === 'Stripe-Signature')

describe('every route of /v1', () => {
  it('is described: there are routes, and the document is valid OpenAPI 3.1', async () => {
    const { body } = await acme.get('/v1/openapi.json')
    expect(body.openapi).toMatch(/^3\.1\./)
    expect(routes.length).toBeGreaterThanOrEqual(13)
    await SwaggerParser.validate(structuredClone(body))
  })

  it('is described with the 409 of what another state of things forbids', async () => {
    const { body } = await acme.get('/v1/openapi.json')
    for (const [path, method] of [
      ['', 'patch'],
      ['/presence', 'post'],
      ['/contacts/check', 'post'],
      ['/messages/{message_id}', 'patch'],
      ['/messages/{message_id}', 'delete'],
      ['/sandbox/scan', 'post'],
    ] as const) {
      expect(body.paths[`/v1/instances/{instance_id}${path}`][method].responses, path).toHaveProperty('409')
    }
  })

  it('is described with its limits, as they are checked', async () => {
    const { body } = await acme.get('/v1/openapi.json')
    const limits = JSON.stringify(body)
    const list = body.paths['/v1/instances'].get.parameters.find((each: Json) => each.name === 'limit')
    expect(list.schema).toMatchObject({ minimum: 1, maximum: 200, default: 50 })
    expect(limits).toContain('"maxLength":65536')
  })

  it('answers 401 without a key, with an unknown one and with one that is no key at all', async () => {
    for (const { method, path, operation } of routes) {
      if (operation.security?.length === 0) continue
      for (const key of ['', 'nonsense', '0'.repeat(64)]) {
        const answer = await acme.request(method, path, { headers: { 'x-api-key': key } })
        expect([answer.status, answer.body], `${method} ${path}`).toEqual([401, error('unauthorized', {})])
      }
    }
  })

  it('names an unknown query parameter', async () => {
    for (const { method, path } of routes) {
      const answer = await acme.request(method, `${path}?nonsense=1`)
      expect(answer.status, `${method} ${path}`).toBe(400)
      expect(answer.body.error.details, `${method} ${path}`).toHaveProperty('nonsense')
    }
  })

  it('with a body: names an unknown field together with every field of the wrong type', async () => {
    const withBody = routes.filter(({ operation }) => takesJson(operation))
    expect(withBody.length).toBeGreaterThanOrEqual(5)
    for (const { method, path, operation } of withBody) {
      const schema = operation.requestBody.content['application/json'].schema
      const fields = Object.keys(schema.properties ?? (await resolved(schema)).properties)
      const body = JSON.stringify({ ...Object.fromEntries(fields.map(field => [field, [{}]])), nonsense: true })
      const answer = await acme.request(method, path, { body })
      expect(answer.status, `${method} ${path}`).toBe(400)
      expect(Object.keys(answer.body.error.details), `${method} ${path}`).toEqual(
        expect.arrayContaining([...fields.map(field => expect.stringMatching(new RegExp(`^${field}`))), 'nonsense']),
      )
    }
  })

  it('with a body: answers 400 to broken JSON and to what is no object, 415 to another media type', async () => {
    for (const { method, path } of routes.filter(({ operation }) => takesJson(operation))) {
      for (const body of ['{"name":', '[]', '"text"', 'null', '1e400', '{"a":1e400}']) {
        const answer = await acme.request(method, path, { body })
        expect([answer.status, answer.body], `${method} ${path} ${body}`).toEqual([400, error('validation_error')])
      }
      const form = await acme.request(method, path, { body: 'a=1', headers: { 'content-type': 'text/plain' } })
      expect([form.status, form.body]).toEqual([415, error('unsupported_media_type', {})])
    }
  })

  it('answers 405 with Allow to another method', async () => {
    for (const { path } of routes) {
      const answer = await acme.request('PUT', path)
      expect([answer.status, answer.body], path).toEqual([405, error('method_not_allowed', {})])
      expect(answer.headers.get('allow')).toMatch(/GET|POST|PATCH|DELETE/)
    }
  })

  it('gives every answer an X-Request-Id, the caller’s own when it is sane', async () => {
    for (const { method, path } of routes) {
      const own = await acme.request(method, path, { headers: { 'x-request-id': 'my-id.1' } })
      expect(own.headers.get('x-request-id')).toBe('my-id.1')
      const insane = await acme.request(method, path, { headers: { 'x-request-id': 'x'.repeat(500) } })
      expect(insane.headers.get('x-request-id')).toMatch(/^req_/)
    }
  })

  it('writes every key in snake_case', async () => {
    const { body } = await acme.get('/v1/instances')
    expect(
      JSON.stringify(body)
        .match(/"[^"]+":/g)!
        .filter(key => /[A-Z]/.test(key)),
    ).toEqual([])
  })
})

async function resolved(schema: Json): Promise<Json> {
  const { body } = await acme.get('/v1/openapi.json')
  return body.components.schemas[schema.$ref.split('/').at(-1)]
}

describe('what is no route', () => {
  it('answers 404 in the error shape', async () => {
    for (const path of ['/v1', '/v1/', '/v1/nothing', '/v1/instances/x/y/z', '/v1/graphql', '/v1/create-instance']) {
      const answer = await acme.get(path)
      expect([answer.status, answer.body], path).toEqual([404, error('not_found', {})])
    }
  })

  it("is where SOFA's own webhook routes would be", async () => {
    const body = JSON.stringify({ subscription: 'messageReceived', url: 'http://127.0.0.1:1' })
    for (const [method, path] of [
      ['POST', '/v1/webhook'],
      ['POST', '/v1/webhook/x'],
      ['DELETE', '/v1/webhook/x'],
    ] as const) {
      const answer = await acme.request(method, path, method === 'POST' ? { body } : {})
      expect([answer.status, answer.body]).toEqual([404, error('not_found', {})])
    }
  })
})

describe('a broken id in a path', () => {
  it('is the same 404 as a missing one', async () => {
    const missing = await acme.get('/v1/instances/inst_01m84k41q5bzehev0j4g4kfb1t')
    for (const id of ['x', '%00', '%F0%9F', 'inst_%0d%0a', '..', 'x'.repeat(2000)]) {
      const answer = await acme.get(`/v1/instances/${id}/status`)
      expect([answer.status, answer.body], id).toEqual([404, expect.objectContaining(error('not_found', {}))])
    }
    expect(missing.status).toBe(404)
  })
})

describe('GraphQL', () => {
  it('needs a key for every field, and says so in code', async () => {
    const response = await fetch(`${wataki.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ instances { data { id } } }' }),
    })
    expect(((await response.json()) as Json).errors[0].extensions).toEqual({ code: 'unauthorized', details: {} })
  })

  it('refuses a key that is revoked in the moment in which it is revoked', async () => {
    const revoked = await wataki.tenant()
    expect((await revoked.get('/v1/instances')).status).toBe(200)
    await wataki.app.db.sql.query('update api_key set revoked_at = now() where tenant_id = $1', [revoked.tenantId])
    expect((await revoked.get('/v1/instances')).status).toBe(401)
  })
})

describe('health', () => {
  it('/healthz and /readyz answer 200 without a key', async () => {
    for (const path of ['/healthz', '/readyz']) expect((await fetch(wataki.url + path)).status).toBe(200)
  })
})
