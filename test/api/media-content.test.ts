import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, openTestApp, type TestApp } from '../support/app.ts'
import { exchange, type Got, gif, MULTIPART, multipart, png, wav } from '../support/media.ts'

let wataki: TestApp
let caller: Caller
let id: string
beforeAll(async () => {
  wataki = await openTestApp({ CORS_ORIGINS: 'https://partner.example' })
  caller = await wataki.tenant()
  id = (await caller.post('/v1/instances', { name: 'bot' })).body.id
}, 60_000)
afterAll(() => wataki?.close())

async function upload(bytes: Buffer | string, filename = 'a.bin'): Promise<string> {
  const { status, body } = await exchange(`${wataki.url}/v1/instances/${id}/media`, {
    method: 'POST',
    headers: { 'x-api-key': caller.apiKey, ...MULTIPART },
    write: call => call.end(multipart([{ name: 'file', filename, bytes }])),
  })
  if (status !== 201) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body.id
}

const content = (mediaId: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Got> =>
  exchange(`${wataki.url}/v1/instances/${id}/media/${mediaId}/content`, {
    method,
    headers: { 'x-api-key': caller.apiKey, ...headers },
  })

describe('mediaContent', () => {
  it('gives the raw file with its Content-Type, its length and a strong ETag', async () => {
    const bytes = png(30, 30)
    const mediaId = await upload(bytes, 'photo.png')
    const got = await content(mediaId)
    expect(got.status).toBe(200)
    expect(got.bytes.equals(bytes)).toBe(true)
    expect(got.headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(bytes.length),
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^"[0-9a-f]{64}"$/),
      'x-ratelimit-limit': expect.any(String),
      'x-request-id': expect.any(String),
    })
  })

  it('has headers with which no browser runs anything, and no cache shares it', async () => {
    for (const bytes of [png(3, 3), '<script>1</script>', '%PDF-1.7\n', randomBytes(50)]) {
      expect((await content(await upload(bytes))).headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'; sandbox",
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': 'private, max-age=3600',
      })
    }
  })

  it('is an attachment unless its bytes are of an inert kind, whatever its name says', async () => {
    for (const [bytes, type, how] of [
      [png(3, 3), 'image/png', 'inline'],
      [gif(3, 3, 1), 'image/gif', 'inline'],
      [wav(1), 'audio/wav', 'inline'],
      ['<html></html>', 'text/plain; charset=utf-8', 'attachment'],
      ['<svg xmlns="http://www.w3.org/2000/svg"/>', 'text/plain; charset=utf-8', 'attachment'],
      ['<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', 'application/xml', 'attachment'],
      ['%PDF-1.7\n', 'application/pdf', 'attachment'],
      [randomBytes(50).fill(0, 0, 4), 'application/octet-stream', 'attachment'],
    ] as const) {
      const { headers } = await content(await upload(Buffer.from(bytes), 'photo.png'))
      expect([headers['content-type'], headers['content-disposition']]).toEqual([
        type,
        `${how}; filename="photo.png"; filename*=UTF-8''photo.png`,
      ])
    }
  })

  it('gives a range of it as 206, and all of it where the header is none that it knows', async () => {
    const bytes = randomBytes(1000)
    const mediaId = await upload(bytes)
    for (const [range, start, end] of [
      ['bytes=0-0', 0, 0],
      ['bytes=0-99', 0, 99],
      ['bytes=100-', 100, 999],
      ['bytes=-1', 999, 999],
      ['bytes=-5000', 0, 999],
      ['bytes=990-5000', 990, 999],
    ] as const) {
      const got = await content(mediaId, { range })
      expect([got.status, got.headers['content-range'], got.headers['content-length']], range).toEqual([
        206,
        `bytes ${start}-${end}/1000`,
        String(end - start + 1),
      ])
      expect(got.bytes.equals(bytes.subarray(start, end + 1)), range).toBe(true)
    }
    for (const range of [
      'bytes=5-2',
      'bytes=-',
      'bytes=a-b',
      'items=0-1',
      'bytes=0-1,5-6',
      'bytes=0-99999999999999999999',
    ]) {
      const got = await content(mediaId, { range })
      expect([got.status, got.bytes.length], range).toEqual([200, 1000])
    }
  })

  it('is 416 for a range that no byte is in, and says how many there are', async () => {
    const mediaId = await upload(randomBytes(10))
    for (const range of ['bytes=10-', 'bytes=-0']) {
      const got = await content(mediaId, { range })
      expect([got.status, got.body.error.code, got.headers['content-range']], range).toEqual([
        416,
        'range_not_satisfiable',
        'bytes */10',
      ])
    }
  })

  it('is 304 to who has it, and If-Range gives a range only to who has the same', async () => {
    const mediaId = await upload(randomBytes(100))
    const etag = String((await content(mediaId)).headers.etag)
    for (const header of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const got = await content(mediaId, { 'if-none-match': header })
      expect([got.status, got.bytes.length, got.headers.etag], header).toEqual([304, 0, etag])
    }
    expect((await content(mediaId, { 'if-none-match': '"x"' })).status).toBe(200)
    const range = 'bytes=0-9'
    expect((await content(mediaId, { range, 'if-range': etag })).status).toBe(206)
    for (const other of ['"x"', `W/${etag}`, 'Fri, 27 Nov 2026 15:28:10 GMT']) {
      expect((await content(mediaId, { range, 'if-range': other })).status, other).toBe(200)
    }
  })

  it('answers HEAD like GET, without the bytes', async () => {
    const mediaId = await upload(randomBytes(100))
    const [get, head] = [await content(mediaId), await content(mediaId, { range: 'bytes=0-1' }, 'HEAD')]
    const {
      date: _,
      'x-request-id': __,
      'x-ratelimit-remaining': ___,
      'x-ratelimit-reset': ____,
      ...headers
    } = get.headers
    expect([head.status, head.bytes.length]).toEqual([200, 0])
    expect(head.headers).toMatchObject(headers)
  })

  it('is open to a page of a listed origin, with an API key', async () => {
    const got = await content(await upload('x'), { origin: 'https://partner.example' })
    expect(got.headers['access-control-allow-origin']).toBe('https://partner.example')
  })

  it('is 400 for a parameter that is not known, 401 without credentials, 405 for another method', async () => {
    const mediaId = await upload('x')
    const path = `/v1/instances/${id}/media/${mediaId}/content`
    const unknown = await caller.get(`${path}?download=1`)
    expect([unknown.status, unknown.body.error.details]).toEqual([400, { download: 'is not a known parameter' }])
    const stranger = await exchange(wataki.url + path, {})
    expect([stranger.status, stranger.body.error.code]).toEqual([401, 'unauthorized'])
    const put = await caller.request('PUT', path, { body: '{}' })
    expect([put.status, put.headers.get('allow')]).toEqual([405, 'GET, HEAD, OPTIONS'])
  })

  it('stands in the OpenAPI document, and the upload as multipart/form-data', async () => {
    const { body } = await caller.get('/v1/openapi.json')
    const paths = body.paths
    expect(Object.keys(paths['/v1/instances/{instance_id}/media/{media_id}/content'].get.responses)).toEqual(
      expect.arrayContaining(['200', '206', '304', '404', '416']),
    )
    const { requestBody, responses } = paths['/v1/instances/{instance_id}/media'].post
    expect(requestBody.content['multipart/form-data'].schema).toMatchObject({
      required: ['file'],
      properties: { file: { type: 'string', contentMediaType: 'application/octet-stream' } },
    })
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['201', '400', '401', '404', '413', '415']))
    expect(JSON.stringify(body)).not.toContain('schemas/Upload')
  })
})
