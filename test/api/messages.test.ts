import { createClient } from 'graphql-ws'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { waitMs } from '../../src/resolvers/messages/wait-for-answer.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'

let wataki: TestApp
let acme: Caller
let other: Caller
let bot: string
let path: string

beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  other = await wataki.tenant()
  bot = await connectedInstance(acme)
  path = `/v1/instances/${bot}`
})
afterAll(() => wataki.close())

const text = (chatId: string, words: string) => ({ chat_id: chatId, type: 'text', content: { text: words } })
const texts = (answer: { body: Json }): string[] => answer.body.data.map((message: Json) => message.content.text)
const list = (digits: string, query = '') => acme.get(`${path}/messages?chat_id=${digits}@s.whatsapp.net${query}`)
const shown = (digits: string) => acme.get(`${path}/sandbox/messages?contact=${digits}`)

describe('POST /v1/instances/{instance_id}/messages', () => {
  it('answers 202 with the message, sent, and the contact decrypts it', async () => {
    const { status, body } = await acme.post(
      `${path}/messages`,
      text('5511999990001@s.whatsapp.net', 'Hello from Wataki!'),
    )
    expect(status).toBe(202)
    expect(body).toEqual({
      id: expect.stringMatching(/^msg_[0-9a-z]{26}$/),
      instance_id: bot,
      chat_id: '5511999990001@s.whatsapp.net',
      lid: null,
      phone_number: '+5511999990001',
      sender: expect.stringMatching(/^\d+@s\.whatsapp\.net$/),
      direction: 'outbound',
      type: 'text',
      status: 'sent',
      content: { text: 'Hello from Wataki!' },
      timestamp: expect.stringMatching(/\.\d{3}Z$/),
      reactions: [],
      quoted_message_id: null,
      mentions: [],
      edited_at: null,
      deleted_at: null,
      error: null,
    })
    const phone = await shown('5511999990001')
    expect(phone.body.data).toEqual([
      expect.objectContaining({
        whatsapp_id: expect.any(String),
        chat_id: body.sender,
        type: 'text',
        content: { text: 'Hello from Wataki!' },
        at: expect.any(String),
      }),
    ])
  })

  it('goes on to delivered and read as the contact answers, never back', async () => {
    const { body } = await acme.post(`${path}/messages`, text('5511999990002', 'read me'))
    const get = () => acme.get(`${path}/messages/${body.id}`)
    await until(get, answer => answer.body.status === 'read')
    await wataki.app.sandbox!.receipt(bot, {
      contact: '5511999990002',
      whatsappId: (await shown('5511999990002')).body.data[0].whatsapp_id,
      status: 'delivered',
    })
    await acme.post(`${path}/messages`, text('5511999990002', 'a later one'))
    expect((await get()).body.status).toBe('read')
  })

  it('normalises a phone number in international form', async () => {
    for (const written of ['+55 11 99999-0003', '55 (11) 99999.0003', '5511999990003']) {
      const { body } = await acme.post(`${path}/messages`, text(written, 'x'))
      expect(body.chat_id, written).toBe('5511999990003@s.whatsapp.net')
    }
  })

  it('names every bad field at once, and sends nothing', async () => {
    const bad = [
      [{}, ['chat_id', 'content', 'type']],
      [
        { chat_id: 'nobody', type: 'fax', content: { text: 5 }, extra: 1 },
        ['chat_id', 'content.text', 'extra', 'type'],
      ],
      [{ chat_id: '5511999990004\n', type: 'text', content: {} }, ['chat_id', 'content.text']],
      [{ ...text('5511999990004', ''), expires_in: 0 }, ['content.text', 'expires_in']],
      [{ ...text('5511999990004', 'a\0b') }, ['content.text']],
      [{ ...text('5511999990004', 'x'.repeat(65_537)) }, ['content.text']],
    ] as const
    for (const [input, fields] of bad) {
      const answer = await acme.post(`${path}/messages`, input)
      expect(answer.status, JSON.stringify(input).slice(0, 80)).toBe(400)
      expect(Object.keys(answer.body.error.details).sort()).toEqual(fields)
    }
    expect((await list('5511999990004')).body.data).toEqual([])
  })

  it('answers 409 instance_not_connected while the instance is disconnected or waits for a scan', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'idle', sandbox: true })
    const send = () => acme.post(`/v1/instances/${body.id}/messages`, text('5511999990005', 'x'))
    expect(await send()).toMatchObject({ status: 409, body: { error: { code: 'instance_not_connected' } } })
    await acme.post(`/v1/instances/${body.id}/connect`)
    expect(await send()).toMatchObject({ status: 409, body: { error: { code: 'instance_not_connected' } } })
  })

  it('says pending when WhatsApp gives no ack within 2 s, and sent once it does', async () => {
    const sandbox = wataki.app.sandbox!
    await sandbox.fault(bot, { kind: 'hold_acks' })
    const { status, body } = await acme.post(`${path}/messages`, text('5511900000006', 'held'))
    expect([status, body.status]).toEqual([202, 'pending'])
    await sandbox.fault(bot, { kind: 'release_acks' })
    await until(
      () => acme.get(`${path}/messages/${body.id}`),
      answer => ['sent', 'delivered'].includes(answer.body.status),
    )
  })

  it('sends what was accepted and not acked again after a reconnect, shown once to the contact', async () => {
    const sandbox = wataki.app.sandbox!
    await sandbox.fault(bot, { kind: 'hold_acks' })
    const { body } = await acme.post(`${path}/messages`, text('5511900000006', 'once'))
    expect(body.status).toBe('pending')
    await sandbox.fault(bot, { kind: 'drop' })
    await sandbox.fault(bot, { kind: 'release_acks' })
    await until(
      () => acme.get(`${path}/messages/${body.id}`),
      answer => answer.body.status === 'sent',
    )
    expect(texts(await shown('5511900000006'))).toEqual(['held', 'once'])
  })

  it('fails a message that could not be sent before expires_in', async () => {
    const lonely = await connectedInstance(acme, 'expires')
    await wataki.app.sandbox!.fault(lonely, { kind: 'hold_acks' })
    const sent = await acme.post(`/v1/instances/${lonely}/messages`, {
      ...text('5511900000006', 'late'),
      expires_in: 1,
    })
    const failed = await until(
      () => acme.get(`/v1/instances/${lonely}/messages/${sent.body.id}`),
      answer => answer.body.status === 'failed',
    )
    expect(failed.body.error).toEqual({ code: 'expired', message: expect.any(String) })
  })

  it('says why WhatsApp refused', async () => {
    const nobody = await acme.post(`${path}/messages`, text('5511900000004', 'not on WhatsApp'))
    const failed = await until(
      () => acme.get(`${path}/messages/${nobody.body.id}`),
      answer => answer.body.status === 'failed',
    )
    expect(failed.body.error).toEqual({ code: expect.any(String), message: expect.any(String) })
  })

  it('sends concurrent messages of a chat in the order in which it lists them, however long storing one takes', async () => {
    const { sql } = wataki.app.db
    await sql.query(`create function linger() returns trigger language plpgsql as
      $$ begin if new.content->>'text' = 'slow to store' then perform pg_sleep(0.5); end if; return new; end $$`)
    await sql.query('create trigger linger before insert on message for each row execute function linger()')
    const slow = acme.post(`${path}/messages`, text('5511999990007', 'slow to store'))
    await until(
      () =>
        sql.query(
          `select 1 as one from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`,
        ),
      rows => rows.length === 1,
    )
    const others = Array.from({ length: 10 }, (_, i) => acme.post(`${path}/messages`, text('5511999990007', `n${i}`)))
    expect((await Promise.all([slow, ...others])).map(answer => answer.status)).toEqual(Array(11).fill(202))
    await sql.query('drop trigger linger on message')
    const phone = await until(
      () => shown('5511999990007'),
      answer => answer.body.data.length === 11,
    )
    expect(texts(phone)).toEqual(texts(await list('5511999990007')).reverse())
  })
})

describe('the first messages to somebody new', () => {
  it('arrive in the order in which they are listed, although they come at once and the first of them makes the chat', async () => {
    const loja = await wataki.tenant()
    const at = `/v1/instances/${await connectedInstance(loja)}`
    const chats = Array.from({ length: 12 }, (_, n) => `55119997001${String(n).padStart(2, '0')}`)
    const say = async (chat: string, n: number) => {
      await new Promise(resolve => setTimeout(resolve, n * 3))
      // So many at once may be told to come again.
      const sent = await until(
        () => loja.post(`${at}/messages`, text(chat, `${n}`)),
        ({ status }) => status !== 503,
      )
      expect(sent.status).toBe(202)
    }
    await Promise.all(chats.flatMap(chat => Array.from({ length: 8 }, (_, n) => say(chat, n))))
    for (const chat of chats) {
      const told = texts(await loja.get(`${at}/messages?chat_id=${chat}`)).reverse()
      const seen = await until(
        async () => texts(await loja.get(`${at}/sandbox/messages?contact=${chat}`)),
        all => all.length === 8,
      )
      expect(seen).toEqual(told)
    }
  })
})

describe('GET /v1/instances/{instance_id}/messages', () => {
  it('requires chat_id', async () => {
    expect(await acme.get(`${path}/messages`)).toMatchObject({
      status: 400,
      body: { error: { details: { chat_id: 'is required' } } },
    })
  })

  it('shows both directions of a chat, newest first, in pages', async () => {
    await acme.post(`${path}/messages`, text('5511999990008', 'question'))
    await acme.post(`${path}/sandbox/messages`, { from: '5511999990008', type: 'text', content: { text: 'answer' } })
    await until(
      () => list('5511999990008'),
      answer => answer.body.data.length === 2,
    )
    const first = await list('5511999990008', '&limit=1')
    expect(texts(first)).toEqual(['answer'])
    const second = await list('5511999990008', `&limit=1&cursor=${first.body.page.next_cursor}`)
    expect(texts(second)).toEqual(['question'])
    expect(second.body.page.next_cursor).toBeNull()
  })
})

describe('a message from a contact', () => {
  it('is stored decrypted, with both ids of its chat and the sender', async () => {
    const sent = await acme.post(`${path}/sandbox/messages`, {
      from: '5511999990009',
      type: 'text',
      content: { text: 'Olá, tudo bem? 🙂' },
    })
    expect(sent.status).toBe(202)
    const { body } = await until(
      () => list('5511999990009'),
      answer => answer.body.data.length === 1,
    )
    expect(body.data[0]).toMatchObject({
      chat_id: '5511999990009@s.whatsapp.net',
      lid: expect.stringMatching(/@lid$/),
      phone_number: '+5511999990009',
      sender: '5511999990009@s.whatsapp.net',
      direction: 'inbound',
      type: 'text',
      content: { text: 'Olá, tudo bem? 🙂' },
      error: null,
    })
    const byLid = await acme.get(`${path}/messages?chat_id=${body.data[0].lid}`)
    expect(byLid.body).toEqual(body)
  })

  it('is stored once when WhatsApp delivers it twice', async () => {
    await wataki.app.sandbox!.fault(bot, { kind: 'duplicate_next' })
    await acme.post(`${path}/sandbox/messages`, { from: '5511999990010', type: 'text', content: { text: 'twice' } })
    await acme.post(`${path}/sandbox/messages`, { from: '5511999990010', type: 'text', content: { text: 'last' } })
    const { body } = await until(
      () => list('5511999990010'),
      answer => texts(answer)[0] === 'last',
    )
    expect(body.data).toHaveLength(2)
  })
})

const RECEIVED = /* GraphQL */ `
  subscription ($id: ID!) {
    messageReceived(instanceId: $id) { id chatId direction content { ... on TextContent { text } } }
  }
`
const STATUS = /* GraphQL */ `subscription ($id: ID!) { messageStatusChanged(instanceId: $id) { id status } }`

const socketOf = (caller: Caller) =>
  createClient({
    url: `${wataki.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { apiKey: caller.apiKey },
    retryAttempts: 0,
  })

describe('subscriptions over graphql-transport-ws', () => {
  it('messageReceived gives each inbound message, messageStatusChanged each step of a sent one', async () => {
    const client = socketOf(acme)
    const received = client.iterate<Json>({ query: RECEIVED, variables: { id: bot } })
    const changed = client.iterate<Json>({ query: STATUS, variables: { id: bot } })
    const next = received.next()
    const steps: { id: string; status: string }[] = []
    void (async () => {
      for await (const { data } of changed) steps.push(data.messageStatusChanged)
    })()
    await until(
      () => wataki.app.bus.size,
      size => size >= 2,
    )
    await acme.post(`${path}/sandbox/messages`, { from: '5511999990011', type: 'text', content: { text: 'live' } })
    const sent = await acme.post(`${path}/messages`, text('5511999990012', 'follow me'))
    expect((await next).value.data.messageReceived).toEqual({
      id: expect.stringMatching(/^msg_/),
      chatId: '5511999990011@s.whatsapp.net',
      direction: 'inbound',
      content: { text: 'live' },
    })
    const own = await until(
      () => steps.filter(step => step.id === sent.body.id).map(step => step.status),
      statuses => statuses.includes('read'),
    )
    expect(own).toEqual(['sent', 'delivered', 'read'])
    await client.dispose()
  })

  it('qrUpdated and connectionUpdated follow a linking from the first code to connected', async () => {
    const { body } = await acme.post('/v1/instances', { name: 'watched', sandbox: true })
    const client = socketOf(acme)
    const qrs = client.iterate<Json>({
      query: 'subscription ($id: ID!) { qrUpdated(instanceId: $id) { qr qrImageDataUrl expiresAt } }',
      variables: { id: body.id },
    })
    const states = client.iterate<Json>({
      query: 'subscription ($id: ID!) { connectionUpdated(instanceId: $id) { state lastError updatedAt } }',
      variables: { id: body.id },
    })
    const code = qrs.next()
    const seen: string[] = []
    const watching = (async () => {
      for await (const { data } of states) {
        seen.push(data.connectionUpdated.state)
        if (data.connectionUpdated.state === 'connected') return
      }
    })()
    await until(
      () => wataki.app.bus.size,
      size => size >= 2,
    )
    const connect = await acme.post(`/v1/instances/${body.id}/connect`)
    expect((await code).value.data.qrUpdated).toEqual({
      qr: connect.body.qr,
      qrImageDataUrl: connect.body.qr_image_data_url,
      expiresAt: expect.any(String),
    })
    await acme.post(`/v1/instances/${body.id}/sandbox/scan`)
    await watching
    expect(seen[0]).toBe('connecting')
    expect(seen).toContain('qr_required')
    await client.dispose()
  })

  it("takes the key under the header's name too", async () => {
    const client = createClient({
      url: `${wataki.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { 'X-API-Key': acme.apiKey },
      retryAttempts: 0,
    })
    const result = await client.iterate<Json>({ query: '{ me { id } }' }).next()
    expect(result.value.data.me.id).toBe(acme.tenantId)
    await client.dispose()
  })

  it("refuses another tenant's instance as if it were missing", async () => {
    const client = socketOf(other)
    const result = await client.iterate<Json>({ query: RECEIVED, variables: { id: bot } }).next()
    expect(result.value.errors[0]).toMatchObject({ message: 'instance not found', extensions: { code: 'not_found' } })
    await client.dispose()
  })
})

describe('subscriptions over SSE', () => {
  it('messageReceived streams to a plain HTTP client', async () => {
    const response = await fetch(`${wataki.url}/graphql`, {
      method: 'POST',
      headers: { 'x-api-key': acme.apiKey, 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: RECEIVED, variables: { id: bot } }),
    })
    expect(response.headers.get('content-type')).toContain('text/event-stream')
    await until(
      () => wataki.app.bus.size,
      size => size >= 1,
    )
    await acme.post(`${path}/sandbox/messages`, { from: '5511999990013', type: 'text', content: { text: 'by SSE' } })
    let stream = ''
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      stream += chunk
      if (stream.includes('by SSE')) break
    }
    expect(stream).toMatch(/event: next\ndata: .*by SSE/)
  })
})

describe('GraphQL', () => {
  it('sends and lists by the same operations, in camelCase', async () => {
    const sent = await acme.graphql(
      'mutation ($id: ID!, $input: SendMessageInput!) { sendMessage(instanceId: $id, input: $input) { id status type } }',
      { id: bot, input: { chatId: '5511999990014', type: 'text', content: { text: 'by GraphQL' } } },
    )
    expect(sent.data.sendMessage).toMatchObject({ status: 'sent', type: 'text' })
    const listed = await acme.graphql(
      `query ($id: ID!) { messages(instanceId: $id, chatId: "5511999990014", limit: 1) {
        data { id content { ... on TextContent { text } } } page { nextCursor } } }`,
      { id: bot },
    )
    expect(listed.data.messages.data).toEqual([{ id: sent.data.sendMessage.id, content: { text: 'by GraphQL' } }])
  })

  it('carries the same code and details as REST, keys in camelCase', async () => {
    const { errors } = await acme.graphql(
      'mutation ($id: ID!) { sendMessage(instanceId: $id, input: {chatId: "x", type: text, content: {text: ""}}) { id } }',
      { id: bot },
    )
    expect(errors[0].extensions).toMatchObject({
      code: 'validation_error',
      details: { chatId: expect.any(String), 'content.text': expect.any(String) },
    })
  })
})

describe('an instance with many messages on their way', () => {
  it('keeps nobody waiting for the ack of one more, and other instances are waited for', async () => {
    const crowded = await connectedInstance(other)
    const say = (words: string) => other.post(`/v1/instances/${crowded}/messages`, text('5511999990099', words))
    await other.post(`/v1/instances/${crowded}/sandbox/faults`, { kind: 'hold_acks' })
    const waits = () => [crowded, bot].map(id => waitMs(wataki.app, id))
    const sent = Array.from({ length: 40 }, (_, n) => say(`crowd ${n}`))
    await until(waits, ([crowdedMs]) => crowdedMs === 200)
    expect(waits()).toEqual([200, 2000])
    for (const { status, body } of await Promise.all([...sent, say('one more')])) {
      expect([status, body.status]).toEqual([202, 'pending'])
    }
    await other.post(`/v1/instances/${crowded}/sandbox/faults`, { kind: 'release_acks' })
    await until(waits, ([crowdedMs]) => crowdedMs === 2000)
  })
})
