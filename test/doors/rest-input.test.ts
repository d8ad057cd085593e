import { request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Door, openDoor, until } from './door.ts'
import { calls } from './schema.ts'

let door: Door
beforeAll(async () => {
  door = await openDoor()
})
afterAll(() => door.close())
beforeEach(() => void (calls.length = 0))

const create = (json: unknown) => door.call('/v1/things', { json })
const details = async (json: unknown) => {
  const answer = await create(json)
  expect(answer.status).toBe(400)
  expect(answer.json.error.code).toBe('validation_error')
  return answer.json.error.details
}

describe('a body', () => {
  it('fills the argument input, snake_case to camelCase', async () => {
    await create({
      name: 'a',
      kind: 'plain_text',
      config: { auto_reconnect: false, max_retries: 3 },
      content: { text: 'x', contacts: [{ phone: '1' }] },
      at: '2025-01-01T00:00:00Z',
    })
    expect(calls[0]!.args).toMatchObject({
      name: 'a',
      kind: 'plain_text',
      config: { autoReconnect: false, maxRetries: 3 },
      content: { text: 'x', contacts: [{ phone: '1' }] },
      at: new Date('2025-01-01T00:00:00Z'),
    })
  })

  it('is told all its bad fields at once, by dotted paths in its own spelling, the first in the message', async () => {
    const { json } = await create({
      config: { auto_reconnect: 'yes', max_retries: 1.5, colour: 1 },
      content: { contacts: [{ phone: '' }, {}, 7] },
      kind: 'poem',
      surprise: true,
      ratio: '1',
      note: 5,
      at: 'yesterday',
    })
    expect(json.error.details).toEqual({
      'config.auto_reconnect': 'must be true or false',
      'config.max_retries': 'must be a whole number of 32 bits',
      'config.colour': 'is not a known field',
      'content.contacts.0.phone': 'must not be empty',
      'content.contacts.1.phone': 'is required',
      'content.contacts.2': 'must be an object',
      kind: 'must be one of plain_text, some_media',
      surprise: 'is not a known field',
      ratio: 'must be a number',
      note: 'must be a string',
      at: 'must be an ISO 8601 time',
      name: 'is required',
    })
    expect(json.error.message).toBe('config.auto_reconnect must be true or false')
    expect(calls).toEqual([])
  })

  it('has no camelCase fields', async () => {
    expect(await details({ name: 'a', config: { autoReconnect: true } })).toEqual({
      'config.autoReconnect': 'is not a known field',
    })
  })

  it('may be null where null clears, and nowhere else', async () => {
    const patch = (json: object) => door.call('/v1/things/a', { method: 'PATCH', json })
    expect((await patch({ note: null })).status).toBe(200)
    expect(calls[0]!.args).toMatchObject({ thingId: 'a', input: { note: null } })
    expect((await patch({ name: null })).json.error.details).toEqual({ name: 'must not be null' })
    expect(await details({ name: null, config: null, content: null })).toEqual({
      name: 'must not be null',
      config: 'must not be null',
    })
    expect(await details({ name: 'a', config: { auto_reconnect: null } })).toEqual({
      'config.auto_reconnect': 'must not be null',
    })
  })

  it('is held to the rules of fields and of whole inputs, together with its types', async () => {
    expect(await details({ name: 'x'.repeat(11), kind: 'plain_text', content: {} })).toEqual({
      name: 'must have at most 10 characters',
      'content.text': 'is required',
    })
    expect(await details({ kind: 'plain_text', content: {} })).toEqual({
      name: 'is required',
      'content.text': 'is required',
    })
    // The rule of the whole stumbles over the missing content, and is left out.
    expect(await details({ name: 'a', kind: 'plain_text', content: 5 })).toEqual({ content: 'must be an object' })
  })

  it('may be left out when input is optional, and is told what it lacks when it is not', async () => {
    expect((await door.call('/v1/things/a/nudge', { method: 'POST' })).status).toBe(200)
    expect(calls[0]!.args).toEqual({ thingId: 'a' })
    await door.call('/v1/things/a/nudge', { json: {} })
    expect(calls[1]!.args).toMatchObject({ thingId: 'a', input: {} })
    const empty = await door.call('/v1/things', { method: 'POST' })
    expect(empty.status).toBe(400)
    expect(empty.json.error).toEqual({
      code: 'validation_error',
      message: 'name is required',
      details: { name: 'is required' },
    })
  })

  it('of an operation without input may be empty, and has no known fields', async () => {
    expect((await door.call('/v1/things/a/touch', { json: {} })).status).toBe(202)
    const answer = await door.call('/v1/things/a/touch', { json: { extra: 1 } })
    expect(answer.json.error.details).toEqual({ extra: 'is not a known field' })
  })

  it('must be an object of JSON in UTF-8', async () => {
    for (const body of ['{', '', '[]', '"a"', 'null', '5', '{"name":"a"}x', Buffer.from('{"name":"\xff"}', 'latin1')]) {
      const answer = await door.call('/v1/things', { method: 'POST', body })
      expect([answer.status, answer.json.error.code]).toEqual([400, 'validation_error'])
    }
  })

  it('must be announced as JSON, unless there is none', async () => {
    const post = (type: string | null, init: object = {}) =>
      door.call('/v1/things', { method: 'POST', body: '{"name":"a"}', headers: { 'Content-Type': type! }, ...init })
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', 'x']) {
      const answer = await post(type)
      expect([answer.status, answer.json.error.code]).toEqual([415, 'unsupported_media_type'])
    }
    expect((await post('application/json', { headers: { 'Content-Encoding': 'gzip' } })).status).toBe(415)
    expect((await post('Application/JSON; charset="UTF-8"')).status).toBe(201)
    const silent = await send(['POST /v1/things HTTP/1.1', 'X-API-Key: good', 'Content-Length: 12'], '{"name":"a"}')
    expect(silent).toMatch(/^HTTP\/1\.1 415 /)
    const nothing = await send(['POST /v1/things/a/touch HTTP/1.1', 'X-API-Key: good', 'Content-Length: 0'], '')
    expect(nothing).toMatch(/^HTTP\/1\.1 202 /)
  })
})

describe('hostile bodies are refused with 400, quickly', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
  const cases: Record<string, [string, Record<string, string>]> = {
    'a NUL': ['{"name":"a\\u0000b"}', { name: 'must not contain control characters' }],
    'a NUL where no rule looks': ['{"name":"a","note":"\\u0000"}', { note: 'must not contain NUL characters' }],
    'a lone surrogate': ['{"name":"a","note":"\\ud800"}', { note: 'must be well-formed Unicode' }],
    'an own __proto__': ['{"name":"a","__proto__":{"x":1}}', { ['__proto__']: 'is not a known field' }],
    'a constructor': ['{"name":"a","constructor":1}', { constructor: 'is not a known field' }],
    'a nested prototype': [
      '{"name":"a","config":{"__proto__":null,"toString":1}}',
      { 'config.__proto__': 'is not a known field', 'config.toString': 'is not a known field' },
    ],
    'depth in a known field': [`{"name":${deep}}`, { name: 'must be a string' }],
    'depth in a list': [`{"name":"a","content":{"contacts":${deep}}}`, { 'content.contacts.0': 'must be an object' }],
    'a number beyond numbers': ['{"name":"a","count":1e400}', { count: 'must be a whole number of 32 bits' }],
    'an integer beyond 32 bits': ['{"name":"a","count":2147483648}', { count: 'must be a whole number of 32 bits' }],
    'an infinite ratio': ['{"name":"a","ratio":-1e400}', { ratio: 'must be a number' }],
  }
  for (const [what, [body, expected]] of Object.entries(cases)) {
    it(what, async () => {
      const answer = await door.call('/v1/things', { body })
      expect(answer.status).toBe(400)
      expect(Object.entries(answer.json.error.details)).toEqual(Object.entries(expected))
    })
  }

  const unknown = (count: number) => `{${Array.from({ length: count }, (_, i) => `"k${i}":1`).join()}}`

  it('ten thousand unknown fields, of which a hundred are named', async () => {
    const start = performance.now()
    const answer = await door.call('/v1/things', { body: unknown(10_000) })
    expect(answer.status).toBe(400)
    expect(Object.keys(answer.json.error.details)).toHaveLength(100)
    expect(performance.now() - start).toBeLessThan(1000)
  })

  it('more fields than that, which are counted and not looked at', async () => {
    const answer = await door.call('/v1/things', { body: unknown(90_000) })
    expect([answer.status, answer.json.error.details]).toEqual([400, { body: 'has more than 10000 fields' }])
  })

  it('a name of half a megabyte, which is not said back', async () => {
    const answer = await door.call('/v1/things', { body: `{"${'x'.repeat(500_000)}":1}` })
    expect(answer.status).toBe(400)
    expect(answer.text.length).toBeLessThan(1000)
  })

  it('a repeated key is refused, wherever it stands; a colon in a string is none', async () => {
    for (const body of [
      '{"name":"a","name":"b"}',
      '{"name":"a","n\\u0061me":"b"}',
      '{"name":"a","x":[{"y":1,"y":1}]}',
    ]) {
      expect((await door.call('/v1/things', { body })).status, body).toBe(400)
    }
    expect(calls).toEqual([])
    for (const name of [':', '":"', '\\', '\\":']) expect((await create({ name })).status, name).toBe(201)
  })

  it('both ends of 32 bits are fine', async () => {
    for (const count of [2_147_483_647, -2_147_483_648]) expect((await create({ name: 'a', count })).status).toBe(201)
  })
})

describe('a body beyond 1 MiB', () => {
  it('is refused by its announced length, before it is sent', async () => {
    const answer = await send(
      ['POST /v1/things HTTP/1.1', 'X-API-Key: good', 'Content-Type: application/json', 'Content-Length: 99999999'],
      '',
    )
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(JSON.parse(answer.split('\r\n\r\n')[1]!)).toEqual({
      error: {
        code: 'payload_too_large',
        message: 'body is larger than 1048576 bytes',
        details: { limit_bytes: 1_048_576 },
      },
    })
  })

  it('is refused while it streams in, and the answer arrives although the sender goes on', async () => {
    const outcome = Promise.withResolvers<number>()
    const headers = { 'X-API-Key': 'good', 'Content-Type': 'application/json' }
    const req = request(`${door.url}/v1/things`, { method: 'POST', headers }, res => {
      outcome.resolve(res.statusCode!)
      res.resume()
    })
    let sentBytes = 0
    let broken = false
    req.on('error', () => {}).on('close', () => (broken = true))
    const feed = () => {
      if (broken) return
      sentBytes += 65_536
      req.write(Buffer.alloc(65_536, 32), () => setTimeout(feed, 1))
    }
    feed()
    expect(await outcome.promise).toBe(413)
    expect(sentBytes).toBeLessThan(4_000_000)
    // A second of draining, then the connection is cut.
    await until(() => broken)
  })

  it('is answered even to a sender that reads nothing before it has sent everything', async () => {
    const socket = connect(door.port, '127.0.0.1').pause()
    const outcome = Promise.withResolvers<string>()
    const head = 'POST /v1/things HTTP/1.1\r\nHost: x\r\nX-API-Key: good\r\nContent-Type: application/json\r\n'
    socket.on('error', error => outcome.resolve(error.message))
    socket.write(`${head}Content-Length: 16777216\r\n\r\n`)
    socket.write(Buffer.alloc(16_777_216, 32), () => {
      socket.once('data', chunk => outcome.resolve(String(chunk))).resume()
    })
    expect(await outcome.promise).toMatch(/^HTTP\/1\.1 413 /)
    socket.destroy()
  })

  it('is cut after a second of draining, on whatever route', async () => {
    const socket = connect(door.port, '127.0.0.1')
    let closed = false
    socket.on('error', () => {}).on('close', () => (closed = true))
    socket.write('POST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n')
    const timer = setInterval(() => socket.write('x'), 20)
    await until(() => closed)
    clearInterval(timer)
  })

  it('of exactly 1 MiB is read', async () => {
    const json = JSON.stringify({ name: 'a', note: '' })
    const body = JSON.stringify({ name: 'a', note: 'x'.repeat(1_048_576 - json.length) })
    expect((await door.call('/v1/things', { body })).status).toBe(201)
    expect((await door.call('/v1/things', { body: `${body} ` })).status).toBe(413)
  })
})

describe('the query string', () => {
  it('fills arguments by their type, with defaults', async () => {
    await door.call(
      '/v1/things?cursor=5&thing_kind=some_media&archived=true&created_after=2025-01-01T00:00:00Z&limit=2',
    )
    await door.call('/v1/things')
    expect(calls.map(call => call.args)).toEqual([
      {
        limit: 2,
        cursor: '5',
        thingKind: 'some_media',
        archived: true,
        createdAfter: new Date('2025-01-01T00:00:00Z'),
      },
      { limit: 50 },
    ])
  })

  it('is told all its bad parameters at once, unknown and repeated ones by name', async () => {
    const query = 'limit=abc&thing_kind=poem&archived=1&created_after=x&cursor=a&cursor=b&page=2&createdAfter=x'
    expect((await door.call(`/v1/things?${query}`)).json.error.details).toEqual({
      limit: 'must be a whole number of 32 bits',
      thing_kind: 'must be one of plain_text, some_media',
      archived: 'must be true or false',
      created_after: 'must be an ISO 8601 time',
      cursor: 'must be given once',
      page: 'is not a known parameter',
      createdAfter: 'is not a known parameter',
    })
  })

  it('is held to the rules of arguments, on the converted value', async () => {
    expect((await door.call('/v1/things?limit=201&created_after=1900-01-01')).json.error.details).toEqual({
      limit: 'must be between 1 and 200',
      created_after: 'is too long ago',
    })
    for (const limit of ['0', '-1', '', '1e2', '0x10', '99999999999', ' 5']) {
      expect((await door.call(`/v1/things?limit=${encodeURIComponent(limit)}`)).status).toBe(400)
    }
    expect((await door.call('/v1/things?cursor=%00')).json.error.details).toEqual({
      cursor: 'must not contain NUL characters',
    })
  })

  it('is refused on routes that take none', async () => {
    const answer = await door.call('/v1/things/a?verbose=1')
    expect(answer.json.error.details).toEqual({ verbose: 'is not a known parameter' })
  })
})

describe('an id in the path', () => {
  it('is decoded', async () => {
    await door.call('/v1/things/5511%40s.whatsapp.net')
    await door.call('/v1/things/a%2Fb')
    expect(calls.map(call => call.args)).toEqual([{ thingId: '5511@s.whatsapp.net' }, { thingId: 'a/b' }])
  })

  it('that cannot be one is not found, like one that is missing', async () => {
    for (const id of ['%00', 'a%00b', '%ff', '%', '%ed%a0%80', 'x'.repeat(5000)]) {
      const answer = await door.call(`/v1/things/${id}`)
      expect([answer.status, answer.json.error.code]).toEqual([404, 'not_found'])
    }
    expect((await door.call('/v1/things/a%00b')).text).toBe((await door.call('/v1/things/missing')).text)
    expect(calls.map(call => call.args)).toEqual([{ thingId: 'missing' }])
  })
})

/** A request as it is; what comes back until the other side closes. */
function send(head: string[], body: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>()
  const socket = connect(door.port, '127.0.0.1')
  let text = ''
  socket.on('data', chunk => (text += chunk)).on('error', () => {})
  socket.on('close', () => resolve(text))
  socket.write(`${[...head, 'Host: x', 'Connection: close'].join('\r\n')}\r\n\r\n${body}`)
  return promise
}
