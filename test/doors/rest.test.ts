import { useSofa } from 'sofa-api'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Door, openDoor, raw } from './door.ts'
import { calls, schema } from './schema.ts'

let door: Door
beforeAll(async () => {
  door = await openDoor()
})
afterAll(() => door.close())
beforeEach(() => void (calls.length = 0))

describe('routes', () => {
  it('reaches only fields that are marked for REST', async () => {
    expect((await door.call('/v1/greeting')).status).toBe(200)
    for (const path of ['/v1/graphql-only', '/v1/graphqlOnly', '/v1/graphql_only']) {
      expect((await door.call(path)).status).toBe(404)
    }
  })

  it('does not reach the routes that SOFA opens for webhooks of its own', async () => {
    for (const [method, path] of [
      ['POST', '/v1/webhook'],
      ['POST', '/v1/webhook/1'],
      ['DELETE', '/v1/webhook/1'],
      ['GET', '/v1/docs'],
    ] as const) {
      const answer = await door.call(path, { method, key: null, ...(method === 'POST' ? { json: {} } : {}) })
      expect(answer.status).toBe(404)
      expect(answer.json.error.code).toBe('not_found')
    }
  })

  it("relies on SOFA's route table holding one route per root field, and three of its own", () => {
    const router = useSofa({ basePath: '/v1', schema }) as unknown as { __routes: unknown[] }
    const fields = [schema.getQueryType()!, schema.getMutationType()!].flatMap(type => Object.keys(type.getFields()))
    expect(router.__routes).toHaveLength(fields.length + 3)
  })

  it('answers an unknown route with 404 and a wrong method with 405 and Allow, in the shape of errors', async () => {
    const unknown = await door.call('/v1/nothing')
    expect(unknown.status).toBe(404)
    expect(unknown.json).toEqual({ error: { code: 'not_found', message: 'route not found', details: {} } })
    const wrong = await door.call('/v1/things', { method: 'PUT' })
    expect(wrong.status).toBe(405)
    expect(wrong.json.error.code).toBe('method_not_allowed')
    expect(wrong.headers.get('allow')).toBe('GET, POST, HEAD, OPTIONS')
    expect((await door.call('/v1')).status).toBe(404)
    expect((await door.call('/v1/things/')).status).toBe(404)
  })

  it('shows and takes the words of enums that hold a dot, where GraphQL has names', async () => {
    const echo = (said: string[]) => door.call('/v1/echo', { method: 'POST', json: { said } })
    expect((await echo(['thing.said', 'nothing'])).json).toEqual({ said: ['thing.said', 'nothing'] })
    expect(calls[0]!.args).toEqual({ said: ['thing.said', 'nothing'] })
    expect((await echo(['thing_said'])).json.error.details).toEqual({ 'said.0': 'must be one of thing.said, nothing' })
    const query = 'mutation { echo(input: { said: [thing_said, nothing] }) { said } }'
    const { json } = await door.call('/graphql', { method: 'POST', json: { query } })
    expect(json.data.echo).toEqual({ said: ['thing_said', 'nothing'] })
    const { components } = (await door.call('/v1/openapi.json', { key: null })).json
    expect(components.schemas.Said.enum).toEqual(['thing.said', 'nothing'])
  })

  it('answers HEAD as GET without the body, and OPTIONS with 204 and Allow', async () => {
    const get = await door.call('/v1/things/a')
    const head = await door.call('/v1/things/a', { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([200, ''])
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'))
    const options = await door.call('/v1/things/a', { method: 'OPTIONS', key: null })
    expect([options.status, options.text]).toEqual([204, ''])
    expect(options.headers.get('allow')).toBe('GET, PATCH, DELETE, HEAD, OPTIONS')
  })
})

describe('answers', () => {
  it('are in snake_case throughout, without fields that are only for GraphQL', async () => {
    expect((await door.call('/v1/things/a')).json).toEqual({
      id: 'a',
      name: 'one',
      note: null,
      config: { auto_reconnect: true },
      content: { body: 'hello' },
      created_at: '2025-01-01T00:00:00.000Z',
    })
    expect((await door.call('/v1/things?limit=1')).json.next_cursor).toBeNull()
  })

  it('keep the name of a field that differs in type between the members of a union', async () => {
    expect((await door.call('/v1/things/media')).json.content).toEqual({ body: null, media_url: 'u' })
  })

  it('leave user data untouched', async () => {
    const note = 'camelCase snake_case {"autoReconnect": true} ünïcödé \u2028 🙂'
    expect((await door.call('/v1/things', { json: { name: 'a', note } })).json.note).toBe(note)
  })

  it('have the status of the route, and 204 has no body', async () => {
    expect((await door.call('/v1/things', { json: { name: 'a' } })).status).toBe(201)
    expect((await door.call('/v1/things/a/touch', { method: 'POST' })).status).toBe(202)
    const gone = await door.call('/v1/things/a', { method: 'DELETE' })
    expect([gone.status, gone.text]).toEqual([204, ''])
    expect(gone.headers.get('content-type')).toBeNull()
  })

  it('have type, length, request id and the headers that keep browsers and caches away', async () => {
    const { headers, text } = await door.call('/v1/things/a')
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-z]{26}$/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it("carry the caller's own request id if it is sane, else a new one", async () => {
    const id = async (own: string) =>
      (await door.call('/v1/nothing', { headers: { 'X-Request-Id': own } })).headers.get('x-request-id')
    expect(await id('my.Trace-1_2')).toBe('my.Trace-1_2')
    expect(await id('x'.repeat(65))).toMatch(/^req_/)
    expect(await id('a b')).toMatch(/^req_/)
    expect(await id('<script>')).toMatch(/^req_/)
  })
})

describe('errors', () => {
  it('of a crash say an id to quote and nothing internal, and are logged under that id', async () => {
    const { status, json, text } = await door.call('/v1/crash')
    expect(status).toBe(500)
    expect(json.error.code).toBe('internal_error')
    expect(json.error.message).toContain(json.error.details.id)
    expect(text).not.toContain('hunter2')
    const line = door.log.find(each => each.includes(json.error.details.id))
    expect(line).toContain('the password is hunter2')
  })

  it('of a resolver that breaks its own promise are crashes too', async () => {
    const { status, json } = await door.call('/v1/hole')
    expect([status, json.error.code]).toEqual([500, 'internal_error'])
  })

  it('of operations pass with code, status and message', async () => {
    const missing = await door.call('/v1/things/missing')
    expect(missing.status).toBe(404)
    expect(missing.json).toEqual({ error: { code: 'not_found', message: 'thing not found', details: {} } })
    expect((await door.call('/v1/things', { json: { name: 'taken' } })).status).toBe(409)
  })

  it('name details in snake_case: dotted paths of bad fields, and facts', async () => {
    const refused = await door.call('/v1/things', { json: { name: 'refused' } })
    expect(refused.json.error).toEqual({
      code: 'validation_error',
      message: 'max_retries is too many',
      details: { max_retries: 'is too many', 'config.auto_reconnect': 'is off' },
    })
    const full = await door.call('/v1/things', { json: { name: 'full' } })
    expect(full.status).toBe(402)
    expect(full.json.error.details).toEqual({ used: 1, resets_at: 'soon' })
  })

  it('that pass tell when to come back', async () => {
    const away = await door.call('/v1/away')
    expect(away.status).toBe(503)
    expect(away.headers.get('retry-after')).toBe('5')
  })
})

describe('credentials', () => {
  it('are asked for before the input is looked at', async () => {
    for (const key of [null, 'bad']) {
      const answer = await door.call('/v1/things', { key, body: '{' })
      expect(answer.status).toBe(401)
      expect(answer.json.error.code).toBe('unauthorized')
    }
  })

  it('are not needed on open routes, and bad ones do no harm there', async () => {
    for (const key of [null, 'bad']) expect((await door.call('/v1/greeting', { key })).text).toBe('"hello"')
    expect((await door.call('/v1/openapi.json', { key: null })).status).toBe(200)
  })

  it('give the operation its caller', async () => {
    await door.call('/v1/things/a')
    expect(calls).toEqual([{ name: 'thing', args: { thingId: 'a' }, caller: 'ten_1' }])
  })
})

describe('the context', () => {
  it('forks one em for a request that uses it, and none for one that does not', async () => {
    await door.call('/v1/things/a')
    expect(door.forks()).toBe(0)
    expect((await door.call('/v1/one-em')).text).toBe('true')
    expect(door.forks()).toBe(1)
    expect((await door.call('/v1/one-em')).text).toBe('true')
    expect(door.forks()).toBe(2)
  })
})

describe('raw HTTP', () => {
  it('of a malformed request is answered in the shape of errors', async () => {
    const answer = await raw(door.port, 'GET /v1/things HTTP/1.1\r\nbad header\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*X-Request-Id: req_/)
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!).error.code).toBe('validation_error')
  })

  it('with a length and an encoding that contradict each other is refused', async () => {
    const head = 'POST /v1/things HTTP/1.1\r\nHost: x\r\nX-API-Key: good\r\nContent-Type: application/json\r\n'
    for (const pair of [
      'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n',
      'Content-Length: 5\r\nContent-Length: 6\r\n',
      'Content-Length: -5\r\n',
    ]) {
      expect(await raw(door.port, `${head}${pair}\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /)
    }
    expect(calls).toEqual([])
  })

  it('in the absolute form that proxies send is understood', async () => {
    const request = 'GET http://api.test/v1/greeting HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n'
    expect(await raw(door.port, request)).toMatch(/^HTTP\/1\.1 200 [\s\S]*"hello"$/)
  })
})
