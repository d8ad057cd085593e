import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Answer,
  type Caller,
  connectedInstance,
  type Json,
  openTestApp,
  type TestApp,
  until,
} from '../support/app.ts'

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

/** Its receipts, which prove an ack, take 30 s. */
const SLOW = '5511900000006'
const PNG = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const sandbox = (what: string, body?: unknown) => acme.post(`${path}/sandbox/${what}`, body)
const say = (from: string, type: string, content: Json, more: Json = {}) =>
  sandbox('messages', { from, type, content, ...more })
const send = (chat: string, content: Json, type = 'text') =>
  acme.post(`${path}/messages`, { chat_id: chat, type, content })
const shown = async (contact: string): Promise<Json[]> =>
  (await acme.get(`${path}/sandbox/messages?contact=${contact}`)).body.data
const inChat = async (chat: string): Promise<Json[]> =>
  (await acme.get(`${path}/messages?chat_id=${encodeURIComponent(chat)}`)).body.data
const arrived = async (chat: string, test: (message: Json) => boolean): Promise<Json> =>
  (
    await until(
      () => inChat(chat),
      all => all.some(test),
    )
  ).find(test)
const shownWhen = async (contact: string, test: (message: Json) => boolean): Promise<Json> =>
  (
    await until(
      () => shown(contact),
      all => all.some(test),
    )
  ).find(test)

async function bytesOf(message: Json): Promise<Buffer> {
  const { pathname } = new URL(message.content.media.url)
  const response = await fetch(`${wataki.url}${pathname}`, { headers: { 'x-api-key': acme.apiKey } })
  return Buffer.from(await response.arrayBuffer())
}

async function upload(bytes: Buffer, name: string): Promise<string> {
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(bytes)]), name)
  const response = await fetch(`${wataki.url}${path}/media`, {
    method: 'POST',
    body: form,
    headers: { 'x-api-key': acme.apiKey },
  })
  expect(response.status).toBe(201)
  return ((await response.json()) as Json).id
}

describe('POST /v1/instances/{instance_id}/sandbox/messages', () => {
  const from = '5511988880001'

  it('a contact sends a text, and it is received', async () => {
    const answer = await say(from, 'text', { text: 'hello' })
    expect(answer).toMatchObject({ status: 202, body: { whatsapp_id: expect.any(String) } })
    const message = await arrived(from, m => m.content.text === 'hello')
    expect(message).toMatchObject({ direction: 'inbound', type: 'text', chat_id: `${from}@s.whatsapp.net` })
  })

  it('media is one of the instance, and arrives as the very bytes', async () => {
    const mediaId = await upload(PNG, 'dot.png')
    expect((await say(from, 'image', { media: { media_id: mediaId }, caption: 'a dot' })).status).toBe(202)
    const message = await arrived(from, m => m.type === 'image')
    expect(message.content).toMatchObject({
      caption: 'a dot',
      media: { mime_type: 'image/png', size_bytes: PNG.length },
    })
    expect(sha256(await bytesOf(message))).toBe(sha256(PNG))
    const own = await shownWhen(from, m => m.type === 'image')
    expect(own).toMatchObject({
      from_me: true,
      content: { caption: 'a dot', media: { mime_type: 'image/png', size_bytes: PNG.length, sha256: sha256(PNG) } },
    })
    expect((await say(from, 'sticker', { media: { media_id: mediaId } })).status).toBe(202)
    await arrived(from, m => m.type === 'sticker')
  })

  it('a place, cards, and an answer to a message arrive', async () => {
    await say(from, 'location', { latitude: -23.5, longitude: -46.6, name: 'Sé' })
    const place = await arrived(from, m => m.type === 'location')
    expect(place.content).toMatchObject({ latitude: -23.5, longitude: -46.6, name: 'Sé' })
    await say(from, 'contacts', { contacts: [{ name: 'Ana', phone: '+55 11 97777-0001' }] })
    const cards = await arrived(from, m => m.type === 'contacts')
    expect(cards.content.contacts).toEqual([{ name: 'Ana', phone: '+5511977770001' }])
    await say(from, 'text', { text: 'to the place' }, { quoted_message_id: place.id })
    const answer = await arrived(from, m => m.content.text === 'to the place')
    expect(answer.quoted_message_id).toBe(place.id)
  })

  it('chat_id is the chat as the contact sees it', async () => {
    const own = (await acme.get(path)).body.phone_number
    expect((await say(from, 'text', { text: 'to you' }, { chat_id: own })).status).toBe(202)
    const elsewhere = await say(from, 'text', { text: 'x' }, { chat_id: '5511988889999' })
    expect(elsewhere).toMatchObject({ status: 400, body: { error: { details: { chat_id: expect.any(String) } } } })
  })

  it('names every bad field', async () => {
    const bad = await sandbox('messages', { from: 'x', type: 'image', content: { text: 'x' }, colour: 'red' })
    expect(bad.status).toBe(400)
    expect(Object.keys(bad.body.error.details).sort()).toEqual(['colour', 'content.media', 'content.text', 'from'])
    const sticker = await say(from, 'sticker', { caption: 'x' })
    expect(Object.keys(sticker.body.error.details).sort()).toEqual(['content.caption', 'content.media'])
    const foreign = await say(from, 'image', { media: { media_id: 'med_01m84k41q5bzehev0j4g4kfb1t' } })
    expect(foreign.body.error.details).toHaveProperty(['content.media.media_id'])
    const unknown = await say('5511900000004', 'text', { text: 'x' })
    expect(unknown).toMatchObject({ status: 400, body: { error: { details: { from: expect.any(String) } } } })
  })
})

describe('GET /v1/instances/{instance_id}/sandbox/messages', () => {
  it("gives all that the contact's phone shows, decrypted, oldest first, with what was done to it", async () => {
    const contact = '5511988880002'
    const sent = await send(contact, { text: 'tpyo' })
    await shownWhen(contact, m => m.content.text === 'tpyo')
    await acme.patch(`${path}/messages/${sent.body.id}`, { content: { text: 'typo' } })
    const edited = await shownWhen(contact, m => m.edited)
    expect(edited).toEqual({
      whatsapp_id: expect.any(String),
      chat_id: sent.body.sender,
      from_me: false,
      type: 'text',
      content: { text: 'typo' },
      quoted_whatsapp_id: null,
      reactions: [],
      edited: true,
      deleted: false,
      at: expect.stringMatching(/\.\d{3}Z$/),
    })
    await acme.delete(`${path}/messages/${sent.body.id}`)
    await shownWhen(contact, m => m.deleted)
    await say(contact, 'text', { text: 'and then' })
    expect((await shown(contact)).map(m => m.content.text)).toEqual([undefined, 'and then'])
  })

  it('shows media that it has downloaded and opened', async () => {
    const contact = '5511988880003'
    const media = { media_id: await upload(PNG, 'dot.png') }
    expect((await send(contact, { media, caption: 'for you' }, 'image')).status).toBe(202)
    const image = await shownWhen(contact, m => m.type === 'image')
    expect(image.content).toMatchObject({ caption: 'for you', media: { size_bytes: PNG.length, sha256: sha256(PNG) } })
  })
})

describe('POST /v1/instances/{instance_id}/sandbox/receipts', () => {
  it("the contact's phone delivers or reads a message", async () => {
    const contact = '5511900000003'
    const sent = await send(contact, { text: 'unread' })
    const get = () => acme.get(`${path}/messages/${sent.body.id}`)
    await until(get, a => a.body.status === 'delivered')
    const receipt = { contact, message_id: sent.body.id, status: 'read' }
    expect(await sandbox('receipts', receipt)).toMatchObject({ status: 200, body: receipt })
    await until(get, a => a.body.status === 'read')
  })

  it('names every bad field, and knows no message of others', async () => {
    const bad = await sandbox('receipts', { contact: 'x', status: 'burnt', colour: 1 })
    expect(Object.keys(bad.body.error.details).sort()).toEqual(['colour', 'contact', 'message_id', 'status'])
    const missing = { contact: '5511988880001', message_id: 'msg_01m84k41q5bzehev0j4g4kfb1t', status: 'read' }
    expect((await sandbox('receipts', missing)).status).toBe(404)
    const sent = await send('5511988880004', { text: 'for another' })
    expect((await sandbox('receipts', { ...missing, message_id: sent.body.id })).status).toBe(404)
  })
})

describe('POST /v1/instances/{instance_id}/sandbox/reactions', () => {
  it('a contact reacts, and takes it back', async () => {
    const contact = '5511988880005'
    const sent = await send(contact, { text: 'like it?' })
    await shownWhen(contact, m => m.content.text === 'like it?')
    const reaction = { contact, message_id: sent.body.id, emoji: '❤️' }
    expect(await sandbox('reactions', reaction)).toMatchObject({ status: 200, body: reaction })
    const get = () => acme.get(`${path}/messages/${sent.body.id}`)
    const reacted = await until(get, a => a.body.reactions.length === 1)
    expect(reacted.body.reactions[0]).toMatchObject({ sender: `${contact}@s.whatsapp.net`, emoji: '❤️' })
    expect((await shown(contact))[0].reactions).toEqual([{ from: contact, emoji: '❤️' }])
    await sandbox('reactions', { ...reaction, emoji: '' })
    await until(get, a => a.body.reactions.length === 0)
  })

  it('emoji is one emoji or empty', async () => {
    const bad = await sandbox('reactions', { contact: '1', message_id: 'msg_x', emoji: 'two words' })
    expect(Object.keys(bad.body.error.details).sort()).toEqual(['contact', 'emoji'])
  })
})

describe('POST /v1/instances/{instance_id}/sandbox/groups', () => {
  const [ana, rui] = ['5511988880011', '5511988880012'] as const
  let made: Answer

  it("a group that the instance's phone is in: 201, the phone itself counted", async () => {
    made = await sandbox('groups', { subject: 'Team', participants: [ana, rui] })
    expect(made).toMatchObject({
      status: 201,
      body: { id: expect.stringMatching(/^\d+@g\.us$/), subject: 'Team', participant_count: 3 },
    })
    const groups = () => acme.get(`${path}/groups`)
    const known = await until(groups, a => a.body.data.some((g: Json) => g.id === made.body.id))
    expect(known.body.data.find((g: Json) => g.id === made.body.id)).toMatchObject({ name: 'Team' })
  })

  it('messages go both ways in it', async () => {
    const group = made.body.id
    const sent = await send(group, { text: 'to the team' })
    expect(sent.status).toBe(202)
    for (const contact of [ana, rui]) {
      expect(await shownWhen(contact, m => m.content.text === 'to the team')).toMatchObject({ chat_id: group })
    }
    await until(
      () => acme.get(`${path}/messages/${sent.body.id}`),
      a => a.body.status === 'read',
    )
    expect((await say(ana, 'text', { text: 'from ana' }, { chat_id: group })).status).toBe(202)
    expect(await arrived(group, m => m.content.text === 'from ana')).toMatchObject({ chat_id: group })
    await shownWhen(rui, m => m.content.text === 'from ana' && !m.from_me)
  })

  it('names every bad field', async () => {
    const bad = await sandbox('groups', { subject: ' ', participants: [ana, 'x'], colour: 1 })
    expect(Object.keys(bad.body.error.details).sort()).toEqual(['colour', 'participants.1', 'subject'])
    const nobody = await sandbox('groups', { subject: 'x', participants: ['5511900000004'] })
    expect(Object.keys(nobody.body.error.details)).toEqual(['participants.0'])
    expect((await sandbox('groups', { subject: 'x', participants: [] })).status).toBe(400)
  })
})

describe('POST /v1/instances/{instance_id}/sandbox/faults', () => {
  const fault = (kind: string, more: Json = {}) => sandbox('faults', { kind, ...more })
  const state = () => acme.get(`${path}/status`)

  it('hold_acks keeps messages pending until release_acks', async () => {
    expect(await fault('hold_acks')).toMatchObject({ status: 200, body: { kind: 'hold_acks', code: null } })
    const sent = await send(SLOW, { text: 'held' })
    expect(sent.body.status).toBe('pending')
    await fault('release_acks')
    await until(
      () => acme.get(`${path}/messages/${sent.body.id}`),
      a => a.body.status !== 'pending',
    )
  })

  it('refuse_next has the next message fail', async () => {
    expect((await fault('refuse_next', { code: 463 })).body).toEqual({ kind: 'refuse_next', code: 463 })
    const sent = await send('5511988880020', { text: 'refused' })
    const failed = await until(
      () => acme.get(`${path}/messages/${sent.body.id}`),
      a => a.body.status === 'failed',
    )
    expect(failed.body.error.code).toBeTruthy()
  })

  it('duplicate_next sends the next message twice, and it is one', async () => {
    await fault('duplicate_next')
    await say('5511988880021', 'text', { text: 'twice' })
    await say('5511988880021', 'text', { text: 'last' })
    await arrived('5511988880021', m => m.content.text === 'last')
    expect((await inChat('5511988880021')).filter(m => m.content.text === 'twice')).toHaveLength(1)
  })

  it('expire_media: the phone is asked for the file again', async () => {
    await say('5511988880022', 'image', { media: { media_id: await upload(PNG, 'dot.png') } })
    const message = await arrived('5511988880022', m => m.type === 'image')
    expect((await fault('expire_media')).status).toBe(200)
    expect(sha256(await bytesOf(message))).toBe(sha256(PNG))
  })

  it('drop and stream_error cut the connection, which comes back', async () => {
    for (const [kind, more] of [['drop'], ['stream_error', { code: 503 }]] as [string, Json?][]) {
      const before = (await state()).body.updated_at
      expect((await fault(kind, more)).status).toBe(200)
      await until(state, a => a.body.state === 'connected' && a.body.updated_at !== before)
    }
  })

  it('names every bad field', async () => {
    const details = async (body: Json) => Object.keys((await sandbox('faults', body)).body.error.details)
    expect(await details({ kind: 'burn', colour: 1 })).toEqual(expect.arrayContaining(['kind', 'colour']))
    expect(await details({ kind: 'stream_error' })).toEqual(['code'])
    expect(await details({ kind: 'drop', code: 503 })).toEqual(['code'])
  })

  it('logout removes the linked device', async () => {
    expect((await fault('logout')).status).toBe(200)
    await until(state, a => a.body.state === 'logged_out')
    expect((await fault('drop')).status).toBe(409)
  })
})

describe('the sandbox in GraphQL', () => {
  it('has the same calls', async () => {
    const instanceId = await connectedInstance(acme, 'by GraphQL')
    const contact = '5511988880031'
    const made = await acme.graphql(
      `mutation ($instanceId: ID!, $group: CreateSandboxGroupInput!, $message: SendSandboxMessageInput!) {
        createSandboxGroup(instanceId: $instanceId, input: $group) { id subject participantCount }
        sendSandboxMessage(instanceId: $instanceId, input: $message) { whatsappId }
        injectSandboxFault(instanceId: $instanceId, input: { kind: duplicate_next }) { kind code }
      }`,
      {
        instanceId,
        group: { subject: 'Team', participants: [contact] },
        message: { from: contact, type: 'location', content: { latitude: 1, longitude: 2 } },
      },
    )
    expect(made.data).toMatchObject({
      createSandboxGroup: { subject: 'Team', participantCount: 2 },
      injectSandboxFault: { kind: 'duplicate_next', code: null },
    })
    const list = await acme.graphql(
      `query ($instanceId: ID!, $contact: String!) {
        sandboxMessages(instanceId: $instanceId, contact: $contact) {
          data { whatsappId fromMe type content { __typename ... on LocationContent { latitude longitude } } }
        }
      }`,
      { instanceId, contact },
    )
    expect(list.data.sandboxMessages.data).toEqual([
      {
        whatsappId: made.data.sendSandboxMessage.whatsappId,
        fromMe: true,
        type: 'location',
        content: { __typename: 'LocationContent', latitude: 1, longitude: 2 },
      },
    ])
  })
})

describe('POST /v1/instances/{instance_id}/sandbox/scan', () => {
  it('is 409 without a code to scan, and says what to do', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'to be scanned', sandbox: true })
    for (const [instance, says] of [
      [body.id, /call connect first/],
      [await connectedInstance(acme, 'scanned'), /the instance is connected/],
    ] as const) {
      const answer = await acme.post(`/v1/instances/${instance}/sandbox/scan`)
      expect([answer.status, answer.body.error.code]).toEqual([409, 'instance_not_connected'])
      expect(answer.body.error.message).toMatch(says)
    }
  })
})

describe('the routes of the sandbox', () => {
  const calls = (instance: string): [string, string, Json?][] => [
    ['POST', `${instance}/sandbox/scan`],
    ['GET', `${instance}/sandbox/messages?contact=5511988880001`],
    ['POST', `${instance}/sandbox/messages`, { from: '5511988880001', type: 'text', content: { text: 'x' } }],
    ['POST', `${instance}/sandbox/receipts`, { contact: '5511988880001', message_id: 'msg_x', status: 'read' }],
    ['POST', `${instance}/sandbox/reactions`, { contact: '5511988880001', message_id: 'msg_x', emoji: '' }],
    ['POST', `${instance}/sandbox/groups`, { subject: 'x', participants: ['5511988880001'] }],
    ['POST', `${instance}/sandbox/faults`, { kind: 'drop' }],
  ]
  const statuses = async (caller: Caller, instance: string) => {
    const answers = []
    for (const [method, url, body] of calls(instance)) {
      const given = body && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
      answers.push((await caller.request(method, url, given)).status)
    }
    return answers
  }
  const nowhere = calls('').map(() => 404)

  it('are there for instances of the sandbox only, and for nobody else’s', async () => {
    const ordinary = await acme.post('/v1/instances', { name: 'ordinary' })
    expect(await statuses(acme, `/v1/instances/${ordinary.body.id}`)).toEqual(nowhere)
    expect(await statuses(await wataki.tenant(), path)).toEqual(nowhere)
  })

  it('are not there while SANDBOX=off', async () => {
    const off = await openTestApp({ SANDBOX: 'off' })
    const caller = await off.tenant()
    const ordinary = await caller.post('/v1/instances', { name: 'ordinary' })
    expect(await statuses(caller, `/v1/instances/${ordinary.body.id}`)).toEqual(nowhere)
    await off.close()
  })
})
