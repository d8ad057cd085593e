import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { remotePlace } from '../../src/db/queries/media.ts'
import { packReference, unpackReference } from '../../src/whatsapp/media/reference.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { exchange, filesIn, type Got, MULTIPART, multipart, png } from '../support/media.ts'

/** Files that come with messages, through the protocol and the media host of the sandbox. */

const CONTACT = '5511988887777'
let wataki: TestApp
let caller: Caller
let id: string
beforeAll(async () => {
  wataki = await openTestApp()
  caller = await wataki.tenant()
  id = await connectedInstance(caller)
}, 60_000)
afterAll(() => wataki?.close())

const stored = () => filesIn(join(wataki.app.config.dataDir, 'media'))
const rowOf = async (mediaId: string): Promise<Json> =>
  (await wataki.app.db.sql.query('select * from media where id = $1', [mediaId]))[0]
const contentOf = (mediaId: string, headers: Record<string, string> = {}): Promise<Got> =>
  exchange(`${wataki.url}/v1/instances/${id}/media/${mediaId}/content`, {
    headers: { 'x-api-key': caller.apiKey, ...headers },
  })

/** A contact sends bytes as what it says they are; the message as it arrives. */
async function receive(bytes: Buffer, mimeType: string, type: 'image' | 'document' = 'image'): Promise<Json> {
  const content = { type, bytes: bytes.toString('base64'), mimeType, filename: '../x\u202e.txt' }
  const { whatsappId } = (await wataki.app.sandbox!.sendMessage(id, { from: CONTACT, content })) as {
    whatsappId: string
  }
  const list = () => caller.get(`/v1/instances/${id}/messages?chat_id=${CONTACT}`)
  const known = async (): Promise<Json> => {
    const [row] = await wataki.app.db.sql.query<{ id: string }>('select id from message where whatsapp_id = $1', [
      whatsappId,
    ])
    return row && (await list()).body.data.find((message: Json) => message.id === row.id)
  }
  return until(known, message => message !== undefined)
}

describe('media of a received message', () => {
  it('has a record at once, and is fetched from WhatsApp on the first GET of its content', async () => {
    const bytes = png(40, 30)
    const message = await receive(bytes, 'image/png')
    expect(message.content).toEqual({
      media: {
        media_id: expect.stringMatching(/^med_/),
        mime_type: 'image/png',
        size_bytes: bytes.length,
        url: `${wataki.app.config.publicUrl}/v1/instances/${id}/media/${message.content.media.media_id}/content`,
      },
      caption: null,
    })
    const { media_id: mediaId } = message.content.media
    const record = await caller.get(`/v1/instances/${id}/media/${mediaId}`)
    expect(record.body).toMatchObject({ id: mediaId, message_id: message.id, size_bytes: bytes.length, sha256: null })
    expect((await rowOf(mediaId)).storage_key).toBeNull()
    const before = await stored()
    const got = await contentOf(mediaId)
    expect([got.status, got.headers['content-type'], got.bytes.equals(bytes)]).toEqual([200, 'image/png', true])
    expect((await stored()).length).toBe(before.length + 1)
    const row = await rowOf(mediaId)
    expect([row.remote, row.next_attempt_at]).toEqual([null, null])
    expect((await contentOf(mediaId, { range: 'bytes=0-3' })).status).toBe(206)
  })

  it('is fetched once by ten who ask at the same time', async () => {
    const bytes = png(41, 30)
    const { media_id: mediaId } = (await receive(bytes, 'image/png')).content.media
    const before = await stored()
    const all = await Promise.all(Array.from({ length: 10 }, () => contentOf(mediaId)))
    expect(all.map(got => [got.status, got.bytes.equals(bytes)])).toEqual(Array(10).fill([200, true]))
    expect((await stored()).length).toBe(before.length + 1)
  })

  it('keeps what its sender says as a saying, and is served as what its bytes are', async () => {
    const { media_id: mediaId } = (await receive(Buffer.from('<script>1</script>'), 'image/png')).content.media
    const { headers } = await contentOf(mediaId)
    expect(headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(headers['content-disposition']).toMatch(/^attachment/)
    const document = await receive(Buffer.from('x'), 'text/html\r\nSet-Cookie: x', 'document')
    const record = await caller.get(`/v1/instances/${id}/media/${document.content.media.media_id}`)
    expect([record.body.mime_type, record.body.filename]).toEqual(['application/octet-stream', 'x.txt'])
  })

  it('is fetched and stored without being asked for when the instance has download_media', async () => {
    await caller.patch(`/v1/instances/${id}`, { config: { download_media: true } })
    const { media_id: mediaId } = (await receive(png(42, 30), 'image/png')).content.media
    await until(
      () => rowOf(mediaId),
      row => row.storage_key !== null,
    )
    await caller.patch(`/v1/instances/${id}`, { config: { download_media: false } })
  })

  it('that the media host has forgotten is asked for again from the phone', async () => {
    const bytes = png(44, 30)
    const { media_id: mediaId } = (await receive(bytes, 'image/png')).content.media
    await wataki.app.sandbox!.fault(id, { kind: 'expire_media' } as never)
    const got = await contentOf(mediaId)
    expect([got.status, got.bytes.equals(bytes)]).toEqual([200, true])
  })

  it('that cannot be had now is 503 with Retry-After, is tried again later, and after a day is 404', async () => {
    const { media_id: mediaId } = (await receive(png(43, 30), 'image/png')).content.media
    const { networks } = wataki.app
    const { sandbox } = networks
    networks.sandbox = null
    try {
      const got = await contentOf(mediaId)
      expect([got.status, got.body.error.code, Number(got.headers['retry-after']) > 0]).toEqual([
        503,
        'unavailable',
        true,
      ])
      expect((await rowOf(mediaId)).attempts).toBe(1)
      await wataki.app.db.sql.query(`update media set created_at = created_at - interval '25 hours' where id = $1`, [
        mediaId,
      ])
      await contentOf(mediaId)
    } finally {
      networks.sandbox = sandbox
    }
    const gone = await contentOf(mediaId)
    expect([gone.status, gone.body.error.code]).toEqual([404, 'not_found'])
    expect((await rowOf(mediaId)).remote).toBeNull()
  })
})

describe('media that are not what their sender hashed', () => {
  it('are fetched twice, and then gone', async () => {
    const { media_id: mediaId } = (await receive(png(45, 30), 'image/png')).content.media
    const { secrets, db } = wataki.app
    const said = unpackReference(secrets.open((await rowOf(mediaId)).remote, remotePlace(mediaId)))
    const lie = secrets.seal(packReference({ ...said, sha256: Buffer.alloc(32) }), remotePlace(mediaId))
    await db.sql.query('update media set remote = $2 where id = $1', [mediaId, lie])
    expect([(await contentOf(mediaId)).status, (await contentOf(mediaId)).status]).toEqual([503, 404])
    expect(await rowOf(mediaId)).toMatchObject({ storage_key: null, remote: null, failure: expect.any(String) })
  })
})

describe('uploaded media', () => {
  it('must be of the kind that the type of a message says, and of the same instance', async () => {
    const body = multipart([{ name: 'file', filename: 'a.png', bytes: png(5, 5) }])
    const { body: uploaded } = await exchange(`${wataki.url}/v1/instances/${id}/media`, {
      method: 'POST',
      headers: { 'x-api-key': caller.apiKey, ...MULTIPART },
      write: call => call.end(body),
    })
    const send = (type: string, mediaId: string) =>
      caller.post(`/v1/instances/${id}/messages`, { chat_id: CONTACT, type, content: { media: { media_id: mediaId } } })
    for (const type of ['video', 'audio']) {
      const { status, body: answer } = await send(type, uploaded.id)
      expect([status, answer.error.details]).toEqual([
        400,
        { 'content.media.media_id': `is image/png, which cannot be sent as ${type}` },
      ])
    }
    const missing = await send('image', 'med_01m84k41q5bzehev0j4g4kfb1t')
    expect(missing.body.error.details).toEqual({ 'content.media.media_id': 'is not the id of media of this instance' })
    for (const type of ['image', 'document']) {
      const sent = await send(type, uploaded.id)
      expect([sent.status, sent.body.type], JSON.stringify(sent.body)).toEqual([202, type])
    }
  })
})
