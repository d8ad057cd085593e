import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Context } from '../../src/context.ts'
import { ApiError } from '../../src/errors.ts'
import { checked } from '../../src/http/checked.ts'
import { createHouseYoga } from '../../src/http/yoga.ts'
import { createMetrics } from '../../src/telemetry/metrics/metrics.ts'
import { type Door, openDoor, until } from './door.ts'
import { calls, open, schema } from './schema.ts'

let door: Door
beforeAll(async () => {
  door = await openDoor()
})
afterAll(() => door.close())
beforeEach(() => void (calls.length = 0))

const RESPONSE = { Accept: 'application/graphql-response+json' }

describe('GraphQL over HTTP', () => {
  it('speaks camelCase and reaches the fields that REST does not', async () => {
    const { json } = await door.graphql(
      '{ thing(thingId: "a") { createdAt config { autoReconnect } owner(firstName: "b") } graphqlOnly }',
    )
    expect(json.data).toEqual({
      thing: { createdAt: '2025-01-01T00:00:00.000Z', config: { autoReconnect: true }, owner: 'b' },
      graphqlOnly: 'ten_1',
    })
  })

  it('needs a caller for each root field that is not open, and says so beside the data of those that are', async () => {
    const { status, json } = await door.graphql('{ greeting }', { key: null })
    expect([status, json]).toEqual([200, { data: { greeting: 'hello' } }])
    for (const query of [
      '{ graphqlOnly }',
      '{ thing(thingId: "a") { id } }',
      'mutation { deleteThing(thingId: "a") }',
    ]) {
      const answer = await door.graphql(query, { key: null })
      expect(answer.json.errors[0].extensions).toEqual({ code: 'unauthorized', details: {} })
    }
    expect(calls).toEqual([])
  })

  it('refuses a bad key outright', async () => {
    const answer = await door.graphql('{ greeting }', { key: 'bad' })
    expect(answer.status).toBe(401)
    expect(answer.json.errors[0].extensions.code).toBe('unauthorized')
    expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
  })

  it('holds arguments to the same rules as REST, with camelCase paths, before the resolver runs', async () => {
    const query = `mutation($input: CreateThingInput!) { createThing(input: $input) { id } }`
    const input = {
      name: '',
      note: '\ud800',
      kind: 'plain_text',
      content: { contacts: [{ phone: '\n' }] },
      config: { autoReconnect: null },
    }
    const { json } = await door.graphql(query, { variables: { input } })
    expect(json.errors[0].extensions).toEqual({
      code: 'validation_error',
      details: {
        name: 'must not be empty',
        note: 'must be well-formed Unicode',
        'config.autoReconnect': 'must not be null',
        'content.contacts.0.phone': 'must not be empty',
        'content.text': 'is required',
      },
    })
    expect((await door.graphql('{ things(limit: 500) { data { id } } }')).json.errors[0].extensions.details).toEqual({
      limit: 'must be between 1 and 200',
    })
    expect(calls).toEqual([])
  })

  it("carries the code and the details of the house's errors", async () => {
    const missing = await door.graphql('{ thing(thingId: "missing") { id } }')
    expect(missing.json.errors[0]).toMatchObject({
      message: 'thing not found',
      path: ['thing'],
      extensions: { code: 'not_found', details: {} },
    })
    const full = await door.graphql('mutation { createThing(input: {name: "full"}) { id } }')
    expect(full.json.errors[0].extensions).toEqual({ code: 'quota_exceeded', details: { used: 1, resetsAt: 'soon' } })
  })

  it('masks what is not of the house: an id to quote, the cause in the log only', async () => {
    const { json, text } = await door.graphql('{ crash }')
    const { code, details } = json.errors[0].extensions
    expect(code).toBe('internal_error')
    expect(json.errors[0].message).toContain(details.id)
    expect(text).not.toContain('hunter2')
    expect(door.log.find(line => line.includes(details.id))).toContain('hunter2')
    const hole = await door.graphql('{ hole { id } }')
    expect(hole.json.errors[0].extensions.code).toBe('internal_error')
  })

  it('calls what GraphQL itself refuses a validation_error', async () => {
    for (const query of ['{', '{ nothing }', '{ thing { id } }', 'query A { greeting } query B { greeting }']) {
      const { json } = await door.graphql(query)
      expect([query, json.errors[0].extensions.code]).toEqual([query, 'validation_error'])
      expect(json.errors[0].extensions.details).toEqual({})
    }
  })

  it('names every bad variable at once, by its path, and says nothing of it back', async () => {
    const query = 'mutation($input: CreateThingInput!) { createThing(input: $input) { id } }'
    const input = { name: null, kind: 'nonsense', count: 'secret words', content: { contacts: [{}, 5] }, bad: 1 }
    const { json, text } = await door.graphql(query, { variables: { input } })
    expect(json.errors[0].extensions.details).toEqual({
      name: 'must not be null',
      kind: 'must be one of plain_text, some_media',
      count: 'must be a whole number of 32 bits',
      'content.contacts.0.phone': 'is required',
      'content.contacts.1': 'must be an object',
      bad: 'is not a known field',
    })
    expect(text).not.toContain('secret words')
    const one = 'query($limit: Int!) { things(limit: $limit) { data { id } } }'
    const details = async (variables: object) =>
      (await door.graphql(one, { variables })).json.errors[0].extensions.details
    expect(await details({})).toEqual({ limit: 'is required' })
    expect(await details({ limit: '5' })).toEqual({ limit: 'must be a whole number of 32 bits' })
    expect(calls).toEqual([])
  })

  it('names every bad value in the text of the operation, too, by the names of its fields', async () => {
    const details = async (query: string) =>
      (await door.graphql(query)).json.errors.map(
        (error: { extensions: object }) => (error.extensions as { details?: object }).details,
      )
    const create = (input: string) => `mutation { one: createThing(input: ${input}) { id } }`
    const content = 'kind: plain_text, content: { text: "a" }'
    expect(await details('{ one: things(limit: "5") { data { id } } }')).toEqual([{ limit: 'is not valid' }])
    expect(await details('{ things(nonsense: 5) { data { id } } }')).toEqual([{ nonsense: 'is not a known field' }])
    expect(await details(create(`{ bad: 1, ${content}, name: 5, count: "x" }`))).toEqual([
      { bad: 'is not a known field' },
      { name: 'is not valid' },
      { count: 'is not valid' },
    ])
    expect(
      await details(create('{ name: "a", kind: plain_text, content: { text: "a", contacts: [{ phone: "1" }, 5] } }')),
    ).toEqual([{ 'content.contacts': 'is not valid' }])
    expect(await details('query($limit: Int = "5") { things(limit: $limit) { data { id } } }')).toEqual([{}])
    expect(calls).toEqual([])
  })

  it('has the status that GraphQL over HTTP asks for', async () => {
    const status = async (query: string, headers: Record<string, string>) =>
      (await door.graphql(query, { headers })).status
    expect(await status('{ greeting }', RESPONSE)).toBe(200)
    expect(await status('{ thing(thingId: "missing") { id } }', RESPONSE)).toBe(200)
    expect(await status('{ crash }', RESPONSE)).toBe(200)
    expect(await status('{', RESPONSE)).toBe(400)
    expect(await status('{ nothing }', RESPONSE)).toBe(400)
    expect(await status('{', { Accept: 'application/json' })).toBe(200)
    expect(await status('{ nothing }', { Accept: 'application/json' })).toBe(200)
    const answer = await door.graphql('{ greeting }', { headers: RESPONSE })
    expect(answer.headers.get('content-type')).toBe('application/graphql-response+json; charset=utf-8')
    expect(answer.headers.get('content-length')).toBe(String(answer.text.length))
  })

  it('answers a GET, but changes nothing by one', async () => {
    const get = (query: string) =>
      door.call(`/graphql?query=${encodeURIComponent(query)}`, { headers: { Accept: 'application/json' } })
    expect((await get('{ greeting }')).json.data).toEqual({ greeting: 'hello' })
    const mutation = await get('mutation { deleteThing(thingId: "a") }')
    expect(mutation.status).toBe(405)
    expect(mutation.json.errors[0].extensions.code).toBe('method_not_allowed')
    expect(calls).toEqual([])
  })

  it('takes no batches, no forms, no plain text and no other methods', async () => {
    const batch = await door.call('/graphql', { json: [{ query: '{ greeting }' }, { query: '{ greeting }' }] })
    expect([batch.status, batch.json.errors[0].extensions.code]).toEqual([400, 'validation_error'])
    for (const type of [
      'multipart/mixed; boundary=x',
      'application/x-www-form-urlencoded',
      'text/plain',
      'application/graphql',
    ]) {
      const answer = await door.call('/graphql', { body: 'query={greeting}', headers: { 'Content-Type': type } })
      expect([answer.status, answer.json.errors[0].extensions.code]).toEqual([415, 'unsupported_media_type'])
    }
    const put = await door.call('/graphql', { method: 'PUT', json: {} })
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, POST, OPTIONS'])
    expect((await door.call('/graphql', { method: 'OPTIONS' })).status).toBe(204)
  })

  it('refuses what is not a request of GraphQL with 400', async () => {
    for (const body of ['{', '', 'null', '5', '{}', '{"query":5}', '{"query":"{greeting}","variables":"x"}']) {
      const answer = await door.call('/graphql', { method: 'POST', body, headers: RESPONSE })
      expect([body, answer.status, answer.json.errors[0].extensions.code]).toEqual([body, 400, 'validation_error'])
    }
    const variables = await door.call('/graphql?query=%7Bgreeting%7D&variables=%7B', { headers: RESPONSE })
    expect([variables.status, variables.json.errors[0].extensions.code]).toEqual([400, 'validation_error'])
  })

  it('refuses a body beyond 1 MiB', async () => {
    const answer = await door.graphql(`{ greeting } #${'x'.repeat(1_048_576)}`)
    expect([answer.status, answer.json.errors[0].extensions.code]).toEqual([413, 'payload_too_large'])
  })

  it('takes it for no failure when the caller leaves before the answer', async () => {
    const before = door.log.length
    const caller = new AbortController()
    const leaving = fetch(`${door.url}/graphql?query=%7Bslow%7D`, {
      headers: { 'X-API-Key': 'good' },
      signal: caller.signal,
    })
    await new Promise(resolve => setTimeout(resolve, 100))
    caller.abort()
    await expect(leaving).rejects.toThrow()
    await new Promise(resolve => setTimeout(resolve, 400))
    expect(door.log.slice(before).filter(line => JSON.parse(line).level > 30)).toEqual([])
  })

  it('answers no other origin', async () => {
    const { headers } = await door.graphql('{ greeting }', { headers: { Origin: 'https://evil.test' } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
  })
})

describe('GraphiQL', () => {
  it('is served to browsers, and needs no internet', async () => {
    const page = await door.call('/graphql', { key: null, headers: { Accept: 'text/html' } })
    expect(page.status).toBe(200)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.text).not.toMatch(/<(script|link|img)[^>]+(src|href)="https?:/)
  })
})

describe('in production', () => {
  let closed: Door
  beforeAll(async () => {
    closed = await openDoor({ production: true })
  })
  afterAll(() => closed.close())

  it('GraphiQL is closed to strangers', async () => {
    const page = async (key: string | null) =>
      (await closed.call('/graphql', { key, headers: { Accept: 'text/html' } })).text
    expect((await page(null)).includes('GraphiQL')).toBe(false)
    for (const key of ['good', 'operator']) expect((await page(key)).includes('GraphiQL')).toBe(true)
  })

  it('the schema can be asked for with a key, and not without', async () => {
    const ask = (key: string | null) => closed.graphql('{ __schema { queryType { name } } }', { key })
    for (const key of ['good', 'operator']) {
      expect((await ask(key)).json.data.__schema.queryType.name).toBe('Query')
      expect((await ask(null)).json.errors[0].extensions.code).toBe('validation_error')
    }
    expect((await ask('good')).json.data.__schema.queryType.name).toBe('Query')
  })

  it('names of fields are not suggested', async () => {
    expect((await closed.graphql('{ greetin }')).text).not.toContain('greeting')
    expect((await door.graphql('{ greetin }')).text).toContain('greeting')
  })
})

describe('SSE', () => {
  // In a test environment Yoga pings so often that a reader who left would be noticed by that alone.
  beforeAll(() => void vi.stubEnv('NODE_ENV', 'development'))
  afterAll(() => void vi.unstubAllEnvs())

  const stream = (query: string, init: { key?: string; signal?: AbortSignal } = {}) =>
    fetch(`${door.url}/graphql`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'text/event-stream',
        ...(init.key ? { 'X-API-Key': init.key } : {}),
      },
      body: JSON.stringify({ query }),
      signal: init.signal,
    })

  it('streams a subscription, and lets go of it when the reader leaves', async () => {
    const reader = new AbortController()
    const response = await stream('subscription { ticks(upTo: 3) }', { key: 'good', signal: reader.signal })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    let text = ''
    const reading = (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) text += chunk
    })().catch(() => {})
    await until(() => text.includes('{"data":{"ticks":3}}'))
    expect(open.streams).toBe(1)
    reader.abort()
    await reading
    await until(() => open.streams === 0)
  })

  it('needs a caller, and is held to the rules of arguments', async () => {
    for (const [query, key, code] of [
      ['subscription { ticks(upTo: 1) }', undefined, 'unauthorized'],
      ['subscription { ticks(upTo: 5000) }', 'good', 'validation_error'],
    ] as const) {
      const response = await stream(query, { key })
      expect(await response.text()).toContain(`"code":"${code}"`)
    }
    expect(open.streams).toBe(0)
  })
})

describe('a crash', () => {
  it('is logged under the id of its request, over HTTP and deferred', async () => {
    await door.graphql('{ crash }', { headers: { 'X-Request-Id': 'quote-me.1' } })
    expect(crashes('quote-me.1')).toHaveLength(1)
    const deferred = await door.graphql('{ greeting ... @defer { crash } }', {
      headers: { 'X-Request-Id': 'quote-me.2', Accept: 'multipart/mixed' },
    })
    expect(deferred.text).toContain('internal_error')
    expect(deferred.text).not.toContain('hunter2')
    expect(crashes('quote-me.2')).toHaveLength(1)
  })

  const crashes = (requestId: string) =>
    door.log.map(line => JSON.parse(line)).filter(line => line.level === 50 && line.requestId === requestId)
})

describe('several operations in one document', () => {
  const metrics = createMetrics({ version: 'test' })
  const charged: number[] = []
  let allowed = 100
  const yoga = createHouseYoga({
    schema: checked(schema),
    log: pino({ level: 'silent' }),
    production: true,
    charge: (_ctx, operations) => {
      charged.push(operations)
      if (operations > allowed) throw new ApiError('rate_limited', 'Too many requests')
    },
  })
  const ask = async (query: string, operationName?: string) => {
    const house = { metrics, caller: null, requestId: 'req_1', facts: {} as { operations?: string[] } }
    const response = await yoga.fetch(
      'http://localhost/graphql',
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ query, operationName }),
      },
      { house: house as unknown as Context },
    )
    return { status: response.status, json: JSON.parse(await response.text()), house }
  }
  beforeEach(() => {
    charged.length = 0
    allowed = 100
  })

  it('are charged one by one, however they are packed; the first is paid for with the request', async () => {
    for (const [query, operations] of [
      ['{ greeting }', []],
      ['{ greeting greeting __typename }', []],
      ['{ a: greeting b: greeting c: greeting }', [2]],
      ['{ ...F ...F a: greeting } fragment F on Query { b: greeting ... { c: greeting } }', [2]],
      ['query A { greeting } query B { a: greeting b: greeting }', [1], 'B'],
    ] as [string, number[], string?][]) {
      charged.length = 0
      await ask(query, operations.length > 0 && query.includes('query B') ? 'B' : undefined)
      expect([query, charged]).toEqual([query, operations])
    }
  })

  it('are none of them run when they are too many', async () => {
    allowed = 1
    const { status, json, house } = await ask('{ a: greeting b: greeting c: greeting }')
    expect([status, json.data, json.errors[0].extensions.code]).toEqual([429, undefined, 'rate_limited'])
    expect(house.facts.operations).toEqual(['greeting'])
  })

  it('hide suggestions in variables too', async () => {
    const query = 'query($kind: ThingKind) { things(thingKind: $kind) { nextCursor } }'
    const response = await yoga.fetch(
      'http://localhost/graphql',
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ query, variables: { kind: 'plain_tex' } }),
      },
      { house: { metrics, caller: null, requestId: 'req_1', facts: {} } as unknown as Context },
    )
    const text = await response.text()
    expect(text).toContain('validation_error')
    expect(text).not.toContain('Did you mean')
    expect(JSON.parse(text).errors[0].extensions.details).toEqual({ kind: 'must be one of plain_text, some_media' })
  })
})
