import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { exchange, filesIn, type Got, MULTIPART, multipart, type Part, png } from '../support/media.ts'

const LIMIT = 100_000
let wataki: TestApp
let caller: Caller
let id: string
beforeAll(async () => {
  wataki = await openTestApp({ MEDIA_MAX_BYTES: String(LIMIT) })
  caller = await wataki.tenant()
  id = (await caller.post('/v1/instances', { name: 'bot' })).body.id
}, 60_000)
afterAll(() => wataki?.close())

const QUERY = 'mutation ($i: ID!, $file: Upload!) { uploadMedia(instanceId: $i, file: $file) { id mimeType filename } }'
const PNG = png(5, 5)
const operations = (variables: Json = { i: id, file: null }, query = QUERY): Part => ({
  name: 'operations',
  bytes: JSON.stringify({ query, variables }),
})
const map = (value: Json = { 0: ['variables.file'] }): Part => ({ name: 'map', bytes: JSON.stringify(value) })
const file = (bytes: Buffer = PNG): Part => ({ name: '0', filename: 'a.png', bytes })

async function send(parts: Part[], headers: Record<string, string> = {}): Promise<Got> {
  const got = await exchange(`${wataki.url}/graphql`, {
    method: 'POST',
    headers: { 'x-api-key': caller.apiKey, ...MULTIPART, ...headers },
    write: call => call.end(multipart(parts)),
  })
  await until(
    () => filesIn(join(wataki.app.config.dataDir, 'spool')),
    files => files.length === 0,
  )
  return got
}

const errorOf = ({ status, body }: Got) => [status, body.errors[0].extensions.code, body.errors[0].extensions.details]

describe('a GraphQL request with a file', () => {
  it('is operations, map and the file: by the multipart request specification', async () => {
    const { status, body } = await send([operations(), map(), file()])
    expect([status, body]).toEqual([
      200,
      { data: { uploadMedia: { id: expect.stringMatching(/^med_/), mimeType: 'image/png', filename: 'a.png' } } },
    ])
    const content = await exchange(`${wataki.url}/v1/instances/${id}/media/${body.data.uploadMedia.id}/content`, {
      headers: { 'x-api-key': caller.apiKey },
    })
    expect(content.bytes.equals(PNG)).toBe(true)
  })

  it('is 404 for an instance that is not there, and answers the same to the same Idempotency-Key', async () => {
    const missing = await send([operations({ i: 'inst_01m84k41q5bzehev0j4g4kfb1t', file: null }), map(), file()])
    expect(missing.body.errors[0].extensions.code).toBe('not_found')
    const key = { 'idempotency-key': 'graphql-1' }
    const first = await send([operations(), map(), file()], key)
    expect((await send([operations(), map(), file()], key)).body).toEqual(first.body)
    const changed = await send([operations(), map(), file(png(6, 6))], key)
    expect(changed.body.errors[0].extensions.code).toBe('idempotency_conflict')
  })

  it('is refused when a part is missing, comes too early, or points to another place', async () => {
    const cases: [Part[], Record<string, string>][] = [
      [[map(), file()], { operations: 'is required' }],
      [[operations(), map()], { file: 'is required, after operations and map' }],
      [[operations(), map(), { ...file(), name: '1' }], { map: expect.any(String) as never }],
      [[operations(), map({ 0: ['variables.file', 'variables.other'] }), file()], { map: expect.any(String) as never }],
      [[operations(), map({ 0: ['query'] }), file()], { map: expect.any(String) as never }],
      [[operations(), { name: 'map', bytes: '{' }, file()], { map: expect.any(String) as never }],
      [[operations({ i: id, file: 'x' }), map(), file()], { file: 'must be null where a file is sent' }],
      [[operations(), map(), file(), file()], { 0: 'must be given once' }],
    ]
    for (const [parts, details] of cases) {
      expect(errorOf(await send(parts)), JSON.stringify(details)).toEqual([
        400,
        'validation_error',
        expect.objectContaining(details),
      ])
    }
    const early = await send([file(), operations(), map()])
    expect(errorOf(early).slice(0, 2)).toEqual([400, 'validation_error'])
  })

  it('has the limit of an upload, and is not read for strangers, nor for cookies', async () => {
    const large = await send([operations(), map(), file(randomBytes(LIMIT + 1))])
    expect(errorOf(large).slice(0, 2)).toEqual([413, 'payload_too_large'])
    const stranger = await send([operations(), map(), file()], { 'x-api-key': '' })
    expect(errorOf(stranger).slice(0, 2)).toEqual([401, 'unauthorized'])
  })

  it('is the only way to fill an Upload', async () => {
    for (const variables of [
      { i: id, file: 'x' },
      { i: id, file: {} },
      { i: id, file: { path: '/etc/passwd' } },
    ]) {
      const { errors } = await caller.graphql(QUERY, variables)
      expect([errors[0].extensions.code, errors[0].extensions.details]).toEqual([
        'validation_error',
        { file: 'must be a file, sent as multipart/form-data' },
      ])
    }
    const literal = await caller.graphql(`mutation { uploadMedia(instanceId: "${id}", file: "x") { id } }`)
    expect(literal.errors[0].extensions.code).toBe('validation_error')
  })
})
