import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { payloadPlace } from '../../src/db/vault.ts'
import type { ContactContent } from '../../src/sandbox/sandbox.ts'
import { sentMessage } from '../../src/whatsapp/outbound/compose.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'
import { mp4, pdf, png, wav } from '../support/files.ts'

/** Every kind of message, out and in: what the API says of it, and what the other side has. */

let wataki: TestApp
let acme: Caller
let bot: string
let path: string

beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  bot = await connectedInstance(acme)
  path = `/v1/instances/${bot}`
})
afterAll(() => wataki.close())

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function upload(bytes: Buffer, filename: string): Promise<Json> {
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(bytes)]), filename)
  const response = await fetch(`${wataki.url}${path}/media`, {
    method: 'POST',
    headers: { 'x-api-key': acme.apiKey },
    body: form,
  })
  expect(response.status).toBe(201)
  return response.json()
}

const content = (url: string): Promise<Response> =>
  fetch(url.replace(/^https?:\/\/[^/]+/, wataki.url), { headers: { 'x-api-key': acme.apiKey } })

const send = (chat: string, type: string, said: object) =>
  acme.post(`${path}/messages`, { chat_id: chat, type, content: said })

/** What the contact's phone shows last of what we sent. */
async function shown(contact: string): Promise<Json> {
  const all = () => wataki.app.sandbox!.messages(bot, { contact })
  return (await until(all, messages => messages.some(each => !each.fromMe))).findLast(each => !each.fromMe)
}

describe('POST …/messages, by the reference’s table of message types', () => {
  const files = [
    ['image', png, 'dot.png', { caption: 'a dot' }],
    ['video', async () => mp4(), 'film.mp4', { caption: 'a film' }],
    ['audio', async () => wav(), 'note.wav', { ptt: true }],
    ['document', async () => pdf(), 'bill.pdf', { filename: 'Bill 7.pdf', caption: 'to pay' }],
  ] as const
  for (const [type, make, name, more] of files) {
    it(`${type}: an uploaded file reaches the contact, decrypted to the same bytes`, async () => {
      const bytes = await make()
      const media = await upload(bytes, name)
      const contact = `55119666${type.length}0001`
      const answer = await send(contact, type, { media: { media_id: media.id }, ...more })
      expect(answer.status, JSON.stringify(answer.body)).toBe(202)
      expect(answer.body).toMatchObject({ type, content: { media: { media_id: media.id, size_bytes: bytes.length } } })
      const phone = await shown(contact)
      expect(phone.content).toMatchObject({ type, media: { sizeBytes: bytes.length, sha256: sha256(bytes) }, ...more })
      expect((await acme.get(`${path}/messages/${answer.body.id}`)).body.content.media.url).toBe(media.url)
    })
  }

  it('a new caption is one of the same media, for the phone that gets it too', async () => {
    const contact = '5511966600009'
    const media = await upload(await png(), 'dot.png')
    const { body } = await send(contact, 'image', { media: { media_id: media.id }, caption: 'old' })
    const answer = await acme.patch(`${path}/messages/${body.id}`, { content: { caption: 'new' } })
    expect(answer.body.content).toMatchObject({ caption: 'new', media: { media_id: media.id } })
    const phone = await until(
      () => shown(contact),
      each => each.edited,
    )
    expect(phone.content).toMatchObject({ type: 'image', caption: 'new', media: { sizeBytes: media.size_bytes } })
    const [edit] = await wataki.app.db.sql.query<{ id: string; payload: Buffer }>(
      'select id, payload from message where instance_id = $1 and action_of = $2',
      [bot, body.id],
    )
    const sent = sentMessage(wataki.app.secrets.open(edit!.payload, payloadPlace(edit!.id)))
    expect(sent!.protocolMessage!.editedMessage).toEqual({ imageMessage: expect.objectContaining({ caption: 'new' }) })
  })

  it('location', async () => {
    const place = { latitude: -23.5, longitude: -46.6, name: 'Centro', address: 'Rua 7' }
    const answer = await send('5511966600010', 'location', place)
    expect(answer).toMatchObject({ status: 202, body: { type: 'location', content: place } })
    expect((await shown('5511966600010')).content).toEqual({ type: 'location', ...place })
  })

  it('contacts', async () => {
    const contacts = [
      { name: 'Ana; "A", de\\Souza', phone: '+55 11 98888-7777' },
      { name: 'Bob', phone: '+1 415 555 2671' },
    ]
    const answer = await send('5511966600011', 'contacts', { contacts })
    const written = [
      { name: 'Ana; "A", de\\Souza', phone: '+5511988887777' },
      { name: 'Bob', phone: '+14155552671' },
    ]
    expect(answer).toMatchObject({ status: 202, body: { type: 'contacts', content: { contacts: written } } })
    expect((await shown('5511966600011')).content).toEqual({ type: 'contacts', contacts: written })
  })

  it('each type asks for its own fields and admits no others', async () => {
    const media = { media_id: 'med_01m84k41q5bzehev0j4g4kfb1t' }
    const bad: [string, object, string[]][] = [
      ['image', {}, ['content.media']],
      ['image', { media, text: 'x' }, ['content.text']],
      ['audio', { media, caption: 'x' }, ['content.caption']],
      ['video', { media, ptt: true }, ['content.ptt']],
      ['location', { latitude: 91 }, ['content.latitude', 'content.longitude']],
      ['contacts', { contacts: [] }, ['content.contacts']],
      ['contacts', { contacts: [{ name: 'x', phone: '1' }] }, ['content.contacts.0.phone']],
      ['text', { text: 'x', media }, ['content.media']],
    ]
    for (const [type, said, fields] of bad) {
      const answer = await send('5511966600012', type, said)
      expect(
        [answer.status, Object.keys(answer.body.error?.details ?? {}).sort()],
        `${type} ${JSON.stringify(said)}`,
      ).toEqual([400, fields])
    }
  })

  it('outbound media must be of the kind that type says, and of this instance; a document takes any', async () => {
    const image = await upload(await png(), 'dot.png')
    for (const [type, id] of [
      ['video', image.id],
      ['audio', image.id],
      ['image', 'med_01m84k41q5bzehev0j4g4kfb1t'],
    ]) {
      const answer = await send('5511966600013', type, { media: { media_id: id } })
      expect([answer.status, Object.keys(answer.body.error?.details ?? {})]).toEqual([400, ['content.media.media_id']])
    }
    expect((await send('5511966600013', 'document', { media: { media_id: image.id } })).status).toBe(202)
  })

  it('media go to WhatsApp’s host once: a message that goes out again has the same bytes', async () => {
    const media = await upload(await png(), 'dot.png')
    await wataki.app.sandbox!.fault(bot, { kind: 'hold_acks' })
    const answer = await send('5511900000006', 'image', { media: { media_id: media.id } })
    expect(answer.body.status).toBe('pending')
    const payload = async () =>
      (await wataki.app.db.sql.query<Json>('select payload from message where id = $1', [answer.body.id]))[0].payload
    const first = await until(payload, each => each !== null)
    await wataki.app.sandbox!.fault(bot, { kind: 'drop' })
    await wataki.app.sandbox!.fault(bot, { kind: 'release_acks' })
    const get = () => acme.get(`${path}/messages/${answer.body.id}`)
    await until(get, each => each.body.status !== 'pending', 30_000)
    expect(await payload()).toEqual(first)
    expect(
      (await wataki.app.sandbox!.messages(bot, { contact: '5511900000006' })).filter(each => !each.fromMe),
    ).toHaveLength(1)
  })
})

/** A contact's message, once it is in the API. */
async function heard(contact: string, said: ContactContent): Promise<Json> {
  const { whatsappId } = await wataki.app.sandbox!.sendMessage(bot, { from: contact, content: said })
  const row = async () =>
    (
      await wataki.app.db.sql.query<Json>('select id from message where instance_id = $1 and whatsapp_id = $2', [
        bot,
        whatsappId,
      ])
    )[0]
  const { id } = await until(row, found => found !== undefined)
  return (await acme.get(`${path}/messages/${id}`)).body
}

describe('received messages of every kind', () => {
  it('media have a media record at once; the content is fetched from WhatsApp on the first GET', async () => {
    const bytes = await png()
    const image = { type: 'image', bytes: bytes.toString('base64'), mimeType: 'image/png', caption: 'look' } as const
    const message = await heard('5511966600021', image)
    expect(message).toMatchObject({
      type: 'image',
      direction: 'inbound',
      content: {
        media: { media_id: expect.stringMatching(/^med_/), mime_type: 'image/png', size_bytes: bytes.length },
        caption: 'look',
      },
    })
    const { media_id: id, url } = message.content.media
    expect((await acme.get(`${path}/media/${id}`)).status).toBe(200)
    const response = await content(url)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png'])
    expect(sha256(new Uint8Array(await response.arrayBuffer()))).toBe(sha256(bytes))
  })

  it('with download_media the file is fetched and stored without being asked for', async () => {
    await acme.patch(path, { config: { download_media: true } })
    const note = { type: 'audio', bytes: wav().toString('base64'), mimeType: 'audio/wav', ptt: true } as const
    const message = await heard('5511966600022', note)
    await acme.patch(path, { config: { download_media: false } })
    expect(message).toMatchObject({ type: 'audio', content: { ptt: true } })
    const stored = async () =>
      (
        await wataki.app.db.sql.query<Json>('select storage_key from media where id = $1', [
          message.content.media.media_id,
        ])
      )[0]
    await until(stored, row => row.storage_key !== null)
  })

  it('video, document, sticker, location and contacts', async () => {
    const file = (type: 'video' | 'document' | 'sticker', bytes: Buffer, mimeType: string, more: object = {}) =>
      ({ type, bytes: bytes.toString('base64'), mimeType, ...more }) as ContactContent
    const film = await heard('5511966600023', file('video', mp4(), 'video/mp4', { caption: 'film' }))
    expect(film).toMatchObject({ type: 'video', content: { caption: 'film', media: { mime_type: 'video/mp4' } } })
    const bill = await heard('5511966600023', file('document', pdf(), 'application/pdf', { filename: 'b.pdf' }))
    expect(bill).toMatchObject({ type: 'document', content: { filename: 'b.pdf' } })
    expect(await heard('5511966600023', file('sticker', await png(), 'image/webp'))).toMatchObject({ type: 'sticker' })
    const place = { latitude: 1.5, longitude: -2.25, name: 'Here', address: null }
    expect((await heard('5511966600023', { type: 'location', ...place })).content).toEqual(place)
    const contacts = [{ name: 'Ana', phone: '+5511988887777' }]
    expect((await heard('5511966600023', { type: 'contacts', contacts })).content).toEqual({ contacts })
  })

  it('raw is added to the event when emit_raw, and only then', async () => {
    await acme.patch(path, { config: { emit_raw: true } })
    const raw = await heard('5511966600024', { type: 'text', text: 'raw please' })
    await acme.patch(path, { config: { emit_raw: false } })
    const plain = await heard('5511966600024', { type: 'text', text: 'no more' })
    const data = async (id: string) =>
      (
        await wataki.app.db.sql.query<Json>(`select data from event where about = $1 and type = 'message.received'`, [
          id,
        ])
      )[0].data
    expect(JSON.stringify((await data(raw.id)).raw)).toContain('raw please')
    expect('raw' in (await data(plain.id))).toBe(false)
  })

  it('what the phone itself sends is an outbound message, with one message.created event', async () => {
    const { whatsappId } = await wataki.app.sandbox!.sendFromPhone(bot, {
      to: '5511966600025',
      content: { type: 'text', text: 'from the phone' },
    })
    const list = () => acme.get(`${path}/messages?chat_id=5511966600025`)
    const found = await until(list, answer => answer.body.data.length === 1)
    expect(found.body.data[0]).toMatchObject({
      direction: 'outbound',
      status: expect.stringMatching(/^(sent|delivered|read)$/),
      content: { text: 'from the phone' },
    })
    const rows = await wataki.app.db.sql.query<Json>(
      `select event.type from event join message on message.id = about
       where whatsapp_id = $1 and event.type in ('message.created', 'message.received')`,
      [whatsappId],
    )
    expect(rows).toEqual([{ type: 'message.created' }])
  })
})

describe('news of messages', () => {
  it('a contact’s reaction is folded into the message: the newest of each sender, with its event', async () => {
    const contact = '5511966600031'
    const sent = (await send(contact, 'text', { text: 'what do you think?' })).body
    const phone = await shown(contact)
    const react = (emoji: string) => wataki.app.sandbox!.reaction(bot, { contact, whatsappId: phone.whatsappId, emoji })
    const get = async () => (await acme.get(`${path}/messages/${sent.id}`)).body
    await react('😮')
    await until(get, message => message.reactions[0]?.emoji === '😮')
    await react('👍')
    const message = await until(get, each => each.reactions[0]?.emoji === '👍')
    expect(message.reactions).toEqual([
      { sender: `${contact}@s.whatsapp.net`, emoji: '👍', at: expect.stringMatching(/Z$/) },
    ])
    await react('')
    await until(get, each => each.reactions.length === 0)
    const told = await wataki.app.db.sql.query<Json>(
      `select data from event where about = $1 and type = 'message.reaction' order by seq`,
      [sent.id],
    )
    expect(told.map(each => each.data.emoji)).toEqual(['😮', '👍', ''])
    expect((await acme.get(`${path}/messages?chat_id=${contact}`)).body.data).toHaveLength(1)
  })

  it('an edit and a deletion by the contact are shown as such', async () => {
    const contact = '5511966600032'
    const message = await heard(contact, { type: 'text', text: 'helo' })
    const phone = (await wataki.app.sandbox!.messages(bot, { contact }))[0]!
    const at = { contact, whatsappId: phone.whatsappId }
    const get = async () => (await acme.get(`${path}/messages/${message.id}`)).body
    await wataki.app.sandbox!.editMessage(bot, { ...at, text: 'hello' })
    const edited = await until(get, each => each.edited_at !== null)
    expect(edited).toMatchObject({ content: { text: 'hello' }, deleted_at: null })
    await wataki.app.sandbox!.deleteMessage(bot, at)
    await until(get, each => each.deleted_at !== null)
    expect((await acme.get(`${path}/messages?chat_id=${contact}`)).body.data).toHaveLength(1)
  })

  it('a read receipt makes message.read with its reader, once', async () => {
    const contact = '5511966600033'
    const sent = (await send(contact, 'text', { text: 'read?' })).body
    await until(
      () => acme.get(`${path}/messages/${sent.id}`),
      answer => answer.body.status === 'read',
    )
    const phone = await shown(contact)
    await wataki.app.sandbox!.receipt(bot, { contact, whatsappId: phone.whatsappId, status: 'read' })
    await heard(contact, { type: 'text', text: 'afterwards' })
    const told = await wataki.app.db.sql.query<Json>(
      `select data from event where about = $1 and type = 'message.read'`,
      [sent.id],
    )
    expect(told.map(each => each.data)).toEqual([
      { message_id: sent.id, chat_id: `${contact}@s.whatsapp.net`, reader: `${contact}@s.whatsapp.net` },
    ])
  })

  it('error acks 463 and 479 fail the message with a reason, at once, and the quota comes back', async () => {
    const used = async () =>
      (await wataki.app.db.sql.query<Json>('select used from usage where tenant_id = $1', [acme.tenantId]))[0].used
    const before = await used()
    for (const [refused, code] of [
      [463, 'recipient_restricted'],
      [479, 'not_accepted'],
    ] as const) {
      await wataki.app.sandbox!.fault(bot, { kind: 'refuse_next', code: refused })
      const answer = await send('5511966600034', 'text', { text: 'no' })
      expect(answer.body).toMatchObject({ status: 'failed', error: { code, message: expect.any(String) } })
    }
    expect(await used()).toBe(before)
  })
})

describe('groups', () => {
  it('a message to a group reaches its members, theirs arrive with their sender, receipts name each reader', async () => {
    const members = ['5511966600041', '5511966600042']
    const group = await wataki.app.sandbox!.group(bot, { subject: 'Team', participants: members })
    const sent = (await send(group.id, 'text', { text: 'hello all' })).body
    expect(sent).toMatchObject({ chat_id: group.id, lid: null, phone_number: null })
    for (const contact of members) expect((await shown(contact)).content).toEqual({ type: 'text', text: 'hello all' })
    const readers = async () =>
      wataki.app.db.sql.query<Json>(`select data from event where about = $1 and type = 'message.read'`, [sent.id])
    const told = await until(readers, rows => rows.length === 2)
    expect(told.map(each => each.data.reader).sort()).toEqual(members.map(each => `${each}@s.whatsapp.net`))
    await wataki.app.sandbox!.sendMessage(bot, {
      from: members[0]!,
      chatId: group.id,
      content: { type: 'text', text: 'hi' },
    })
    const list = () => acme.get(`${path}/messages?chat_id=${group.id}`)
    const answer = await until(list, each => each.body.data.length === 2)
    expect(answer.body.data[0]).toMatchObject({
      direction: 'inbound',
      chat_id: group.id,
      sender: `${members[0]}@s.whatsapp.net`,
    })
  })
})
