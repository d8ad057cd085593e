import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import {
  BOUNDARY,
  exchange,
  filesIn,
  type Got,
  headOf,
  MULTIPART,
  multipart,
  type Part,
  png,
  wav,
} from '../support/media.ts'

const LIMIT = 100_000
let wataki: TestApp
let caller: Caller
let other: Caller
let id: string
beforeAll(async () => {
  wataki = await openTestApp({ MEDIA_MAX_BYTES: String(LIMIT), PUBLIC_URL: 'https://api.example.com' })
  caller = await wataki.tenant()
  other = await wataki.tenant()
  id = (await caller.post('/v1/instances', { name: 'bot' })).body.id
}, 60_000)
afterAll(() => wataki?.close())

const PNG = png(20, 10)
const file = (bytes: Buffer | string = PNG, filename = 'a.png'): Part => ({ name: 'file', filename, bytes })

function send(parts: Part[] | Buffer, headers: Record<string, string> = {}, instanceId = id): Promise<Got> {
  const body = Array.isArray(parts) ? multipart(parts) : parts
  return exchange(`${wataki.url}/v1/instances/${instanceId}/media`, {
    method: 'POST',
    headers: { 'x-api-key': caller.apiKey, ...MULTIPART, 'content-length': String(body.length), ...headers },
    write: call => call.end(body),
  })
}

const rows = (text: string, params: unknown[] = []): Promise<Json[]> => wataki.app.db.sql.query(text, params)
const spool = () => filesIn(join(wataki.app.config.dataDir, 'spool'))
const stored = () => filesIn(join(wataki.app.config.dataDir, 'media'))

/** Whatever was refused has left nothing. */
async function nothingNew<T>(work: () => Promise<T>): Promise<T> {
  const state = async () => [
    await stored(),
    await rows('select id from media'),
    await rows('select * from media_garbage'),
  ]
  const before = await state()
  const result = await work()
  await until(spool, files => files.length === 0)
  expect(await state()).toEqual(before)
  return result
}

describe('uploadMedia', () => {
  it('takes a file in a field "file" and answers 201 with its id, type, size, address and time', async () => {
    const { status, body } = await send([file()])
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.stringMatching(/^med_[0-9a-z]{26}$/),
      instance_id: id,
      message_id: null,
      mime_type: 'image/png',
      size_bytes: PNG.length,
      sha256: createHash('sha256').update(PNG).digest('hex'),
      filename: 'a.png',
      seconds: null,
      url: `https://api.example.com/v1/instances/${id}/media/${body.id}/content`,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    })
    await until(spool, left => left.length === 0)
    expect(await rows('select * from media_garbage')).toEqual([])
  })

  it('takes a file of exactly the limit, and none of no bytes at all', async () => {
    const bytes = randomBytes(LIMIT)
    const full = await send([file(bytes, 'full.bin')])
    expect([full.status, full.body.size_bytes]).toEqual([201, LIMIT])
    const empty = await send([file('', 'empty.txt')])
    expect([empty.status, empty.body.error.details]).toEqual([400, { file: 'must not be empty' }])
  })

  it('believes the bytes and not the sender about the type', async () => {
    for (const [bytes, claimed, type] of [
      [PNG, 'text/html', 'image/png'],
      [wav(1), 'image/png', 'audio/wav'],
      ['<html><script>1</script></html>', 'image/png', 'text/plain'],
      ['<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', 'image/svg+xml', 'text/plain'],
      ['<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', 'image/svg+xml', 'application/xml'],
      ['%PDF-1.7\n', 'text/plain', 'application/pdf'],
      [Buffer.from([1, 2, 3, 0, 255]), 'image/jpeg', 'application/octet-stream'],
      ['héllo', 'application/x-msdownload', 'text/plain'],
    ] as const) {
      const { body } = await send([{ ...file(Buffer.from(bytes)), type: claimed }])
      expect(body.mime_type, claimed).toBe(type)
    }
  })

  it('knows how long audio plays, and makes a small JPEG of an image', async () => {
    const audio = await send([file(wav(3), 'a.wav')])
    expect(audio.body.seconds).toBe(3)
    const image = await send([file(png(4000, 3000), 'b.png')])
    const [row] = await rows('select thumbnail from media where id = $1', [image.body.id])
    expect(row.thumbnail.subarray(0, 2)).toEqual(Buffer.from([0xff, 0xd8]))
    expect(row.thumbnail.length).toBeLessThan(16_384)
  })

  it('answers the same to the same Idempotency-Key and file, and 409 to the same key with other bytes or another name', async () => {
    const key = { 'idempotency-key': 'upload-1' }
    const first = await send([file()], key)
    const again = await send([file()], key)
    expect([again.status, again.body]).toEqual([201, first.body])
    expect(again.headers['idempotency-replayed']).toBe('true')
    for (const changed of [file(png(21, 10)), file(PNG, 'b.png')]) {
      const refused = await nothingNew(() => send([changed], key))
      expect([refused.status, refused.body.error.code]).toEqual([409, 'idempotency_conflict'])
    }
  })

  it('is 400 with every bad field: none, a second one, another name, text, and what is not known', async () => {
    const cases: [Part[], Record<string, string>][] = [
      [[], { file: 'is required' }],
      [[file(), file()], { file: 'must be given once' }],
      [[{ ...file(), name: 'image' }], { image: 'is not a known field', file: 'is required' }],
      [[{ name: 'file', bytes: 'text' }], { file: 'must be a file, with a filename' }],
      [[file(), { name: 'caption', bytes: 'x' }], { caption: 'is not a known field' }],
      [
        [{ name: 'a', bytes: 'x' }, file(), { name: 'b', filename: 'b', bytes: 'x' }],
        { a: 'is not a known field', b: 'is not a known field' },
      ],
    ]
    for (const [parts, details] of cases) {
      const { status, body } = await nothingNew(() => send(parts))
      expect([status, body.error.code, body.error.details]).toEqual([400, 'validation_error', details])
    }
    const parts = Array.from({ length: 30 }, (_, i) => ({ name: `f${i}`, bytes: 'x' }))
    const many = await nothingNew(() => send([file(), ...parts]))
    expect(many.body.error.details.body).toBe('must have at most 20 parts')
  })

  it('is 400 for a body that is broken or breaks off', async () => {
    const whole = multipart([file()])
    for (const [body, type] of [
      [whole.subarray(0, whole.length - 20), MULTIPART['content-type']],
      [whole.subarray(0, 30), MULTIPART['content-type']],
      [Buffer.from('no parts at all'), MULTIPART['content-type']],
      [whole, 'multipart/form-data'],
      [whole, 'multipart/form-data; boundary='],
      [whole, 'multipart/form-data; boundary=another'],
    ] as const) {
      const { status, body: answer } = await nothingNew(() => send(body, { 'content-type': type }))
      expect([status, answer.error.code], type).toEqual([400, 'validation_error'])
    }
  })

  it('leaves nothing of a caller who goes away', async () => {
    await nothingNew(async () => {
      const url = `${wataki.url}/v1/instances/${id}/media`
      const gone = exchange(url, {
        method: 'POST',
        headers: { 'x-api-key': caller.apiKey, ...MULTIPART, 'content-length': '90000' },
        write: async call => {
          call.write(headOf(file()))
          call.write(randomBytes(50_000))
          await until(spool, files => files.length === 1)
          call.destroy()
        },
      })
      await expect(gone).rejects.toThrow()
    })
  })

  it('is 400 for a parameter that is not known', async () => {
    const { status, body } = await exchange(`${wataki.url}/v1/instances/${id}/media?name=x`, {
      method: 'POST',
      headers: { 'x-api-key': caller.apiKey, ...MULTIPART },
      write: call => call.end(multipart([file()])),
    })
    expect([status, body.error.details]).toEqual([400, { name: 'is not a known parameter' }])
  })

  it('is 401 without credentials, before anything is read', async () => {
    const { status, body } = await nothingNew(() => send([file()], { 'x-api-key': 'bad' }))
    expect([status, body.error.code]).toEqual([401, 'unauthorized'])
  })

  it('is 404 for an instance that is not there or is another’s, before the file is read', async () => {
    const theirs = (await other.post('/v1/instances', { name: 'bot' })).body.id
    for (const instanceId of [theirs, 'inst_01m84k41q5bzehev0j4g4kfb1t', 'x', '%00']) {
      // The body never ends: an answer that waited for it would not come.
      const { status, body } = await exchange(`${wataki.url}/v1/instances/${instanceId}/media`, {
        method: 'POST',
        headers: { 'x-api-key': caller.apiKey, ...MULTIPART, 'transfer-encoding': 'chunked' },
        write: call => call.write(headOf(file())),
      })
      expect([status, body.error.code, body.error.message]).toEqual([404, 'not_found', 'instance not found'])
    }
  })

  it('is 413 for one byte more than the limit, whether its length is announced or not', async () => {
    const over = multipart([file(randomBytes(LIMIT + 1))])
    for (const headers of [{}, { 'transfer-encoding': 'chunked', 'content-length': '' }] as Record<string, string>[]) {
      const { 'content-length': length, ...rest } = { 'content-length': String(over.length), ...headers }
      const got = await nothingNew(() =>
        exchange(`${wataki.url}/v1/instances/${id}/media`, {
          method: 'POST',
          headers: { 'x-api-key': caller.apiKey, ...MULTIPART, ...rest, ...(length && { 'content-length': length }) },
          write: call => call.end(over),
        }),
      )
      expect([got.status, got.body.error.code, got.body.error.details]).toEqual([
        413,
        'payload_too_large',
        { limit_bytes: LIMIT },
      ])
    }
  })

  it('is 415 for a body that is not multipart/form-data, or is compressed', async () => {
    const refused: Record<string, string>[] = [
      { 'content-type': 'application/json' },
      { 'content-type': 'image/png' },
      { 'content-type': `multipart/mixed; boundary=${BOUNDARY}` },
      { 'content-encoding': 'gzip' },
    ]
    for (const headers of refused) {
      const { status, body } = await nothingNew(() => send([file()], headers))
      expect([status, body.error.code]).toEqual([415, 'unsupported_media_type'])
    }
    const none = await caller.post(`/v1/instances/${id}/media`)
    expect([none.status, none.body.error.code]).toEqual([415, 'unsupported_media_type'])
  })
})

describe('a cookie', () => {
  it('may upload from our own page and from no other, nor where the browser does not say', async () => {
    const { startSession } = await import('../../src/resolvers/auth/session.ts')
    const { app } = wataki
    const { token } = await startSession(app.db.sql, { tenantId: caller.tenantId, now: app.clock.now() })
    const upload = (headers: Record<string, string>) => {
      const body = multipart([file()])
      return exchange(`${wataki.url}/v1/instances/${id}/media`, {
        method: 'POST',
        headers: { cookie: `wataki_session=${token}`, ...MULTIPART, ...headers },
        write: call => call.end(body),
      })
    }
    expect((await upload({ origin: 'https://api.example.com' })).status).toBe(201)
    for (const headers of [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { origin: 'https://api.example.com', 'sec-fetch-site': 'cross-site' },
      { origin: 'https://api.example.com', 'content-type': 'application/x-www-form-urlencoded' },
    ] as Record<string, string>[]) {
      const refused = await nothingNew(() => upload(headers))
      expect([refused.status, refused.body.error.code], JSON.stringify(headers)).toEqual([403, 'forbidden'])
    }
  })
})

describe('media', () => {
  it('is what the upload answered, on REST and on GraphQL', async () => {
    const { body } = await send([file()])
    expect((await caller.get(`/v1/instances/${id}/media/${body.id}`)).body).toEqual(body)
    const query =
      'query ($i: ID!, $m: ID!) { media(instanceId: $i, mediaId: $m) { id mimeType sizeBytes url createdAt } }'
    expect(await caller.graphql(query, { i: id, m: body.id })).toEqual({
      data: {
        media: {
          id: body.id,
          mimeType: 'image/png',
          sizeBytes: PNG.length,
          url: body.url,
          createdAt: body.created_at,
        },
      },
    })
  })

  it('is 404 when it is not there, is another tenant’s, or of another instance', async () => {
    const { body } = await send([file()])
    const second = (await caller.post('/v1/instances', { name: 'second' })).body.id
    const theirs = (await other.post('/v1/instances', { name: 'third' })).body.id
    for (const [who, path] of [
      [caller, `/v1/instances/${id}/media/med_01m84k41q5bzehev0j4g4kfb1t`],
      [caller, `/v1/instances/${second}/media/${body.id}`],
      [other, `/v1/instances/${id}/media/${body.id}`],
      [other, `/v1/instances/${theirs}/media/${body.id}`],
    ] as const) {
      for (const what of ['', '/content']) {
        const got = await who.get(path + what)
        expect([got.status, got.body.error]).toEqual([
          404,
          { code: 'not_found', message: 'media not found', details: {} },
        ])
      }
    }
  })

  it('goes with its instance, row and file, within five seconds', async () => {
    const instanceId = (await caller.post('/v1/instances', { name: 'short-lived' })).body.id
    const before = await stored()
    for (let i = 0; i < 5; i++) expect((await send([file()], {}, instanceId)).status).toBe(201)
    expect((await stored()).length).toBe(before.length + 5)
    expect((await caller.delete(`/v1/instances/${instanceId}`)).status).toBe(204)
    await until(stored, files => files.length === before.length, 5000)
    expect(await rows('select 1 from media where instance_id = $1', [instanceId])).toEqual([])
    expect(await rows('select * from media_garbage')).toEqual([])
  })
})
