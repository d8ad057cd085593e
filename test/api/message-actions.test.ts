import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp, until } from '../support/app.ts'

/** What is done to messages: reactions, receipts, edits, deletions; and what a chat is shown of typing. */

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

const send = async (chat: string, words: string, more: object = {}): Promise<Json> => {
  const body = { chat_id: chat, type: 'text', content: { text: words }, ...more }
  const answer = await acme.post(`${path}/messages`, body)
  expect(answer.status, JSON.stringify(answer.body)).toBe(202)
  return answer.body
}
const get = async (id: string): Promise<Json> => (await acme.get(`${path}/messages/${id}`)).body
const shown = async (contact: string): Promise<Json[]> =>
  (await wataki.app.sandbox!.messages(bot, { contact })) as Json[]

/** A contact's message, once it is in the API. */
async function heard(contact: string, words: string): Promise<Json> {
  await wataki.app.sandbox!.sendMessage(bot, { from: contact, content: { type: 'text', text: words } })
  const list = () => acme.get(`${path}/messages?chat_id=${contact}`)
  const found = await until(list, answer => answer.body.data.some((each: Json) => each.content.text === words))
  return found.body.data.find((each: Json) => each.content.text === words)
}

const events = async (about: string): Promise<Json[]> =>
  wataki.app.db.sql.query('select type, data from event where instance_id = $1 and about = $2 order by seq', [
    bot,
    about,
  ])

describe('POST …/messages/{message_id}/react', () => {
  it('reacts with one emoji, which the contact sees, and answers the message', async () => {
    const message = await heard('5511977770001', 'react to me')
    const answer = await acme.post(`${path}/messages/${message.id}/react`, { emoji: '👍' })
    expect(answer.status).toBe(202)
    expect(answer.body).toMatchObject({ id: message.id, reactions: [{ emoji: '👍', at: expect.any(String) }] })
    await until(
      () => shown('5511977770001'),
      all => all.some(each => each.reactions.some((one: Json) => one.emoji === '👍')),
    )
  })

  it('takes the place of an earlier one, and "" takes the reaction back', async () => {
    const message = await heard('5511977770002', 'again and again')
    for (const emoji of ['👍', '❤️']) await acme.post(`${path}/messages/${message.id}/react`, { emoji })
    expect((await get(message.id)).reactions.map((each: Json) => each.emoji)).toEqual(['❤️'])
    await acme.post(`${path}/messages/${message.id}/react`, { emoji: '' })
    expect((await get(message.id)).reactions).toEqual([])
    await until(
      () => shown('5511977770002'),
      all => all.every(each => each.reactions.length === 0),
    )
  })

  it('refuses anything but one emoji with 400, naming emoji', async () => {
    const message = await heard('5511977770003', 'only one')
    for (const emoji of ['ok', '👍👍', ' ', '👍 ', '1', null, 5]) {
      const answer = await acme.post(`${path}/messages/${message.id}/react`, { emoji })
      expect([answer.status, Object.keys(answer.body.error.details)], JSON.stringify(emoji)).toEqual([400, ['emoji']])
    }
    for (const emoji of ['👩‍👩‍👧‍👦', '🇧🇷', '👋🏽', '❤', '1️⃣']) {
      expect((await acme.post(`${path}/messages/${message.id}/react`, { emoji })).status, emoji).toBe(202)
    }
  })

  it('counts against no quota and makes no message', async () => {
    const message = await heard('5511977770004', 'free of charge')
    const [before] = await wataki.app.db.sql.query('select * from usage where tenant_id = $1', [acme.tenantId])
    const answer = await acme.post(`${path}/messages/${message.id}/react`, { emoji: '🎉' })
    expect(answer.headers.get('x-quota-used')).toBeNull()
    const [after] = await wataki.app.db.sql.query('select * from usage where tenant_id = $1', [acme.tenantId])
    expect(after).toEqual(before)
    expect((await acme.get(`${path}/messages?chat_id=5511977770004`)).body.data).toHaveLength(1)
  })
})

describe('POST …/messages/{message_id}/read', () => {
  it('sends a read receipt, answers 202 and the message', async () => {
    const message = await heard('5511977770011', 'read me')
    const seen: string[] = []
    const answer = await acme.post(`${path}/messages/${message.id}/read`)
    expect(answer.status).toBe(202)
    await until(
      async () => seen.push((await get(message.id)).status),
      () => seen.at(-1) === 'read',
    )
    expect((await acme.post(`${path}/messages/${message.id}/read`)).status).toBe(202)
  })

  it('leaves unread what came after the message', async () => {
    const ids: string[] = []
    for (const words of ['one', 'two', 'three']) ids.push((await heard('5511977770013', words)).id)
    const unread = async () => (await acme.get(`${path}/chats/5511977770013`)).body.unread_count
    expect(await unread()).toBe(3)
    for (const [at, left] of [
      [1, 1],
      [0, 1],
      [2, 0],
    ] as const) {
      await acme.post(`${path}/messages/${ids[at]}/read`)
      expect(await until(unread, count => count === left)).toBe(left)
    }
  })

  it('is 400 for a message that was sent, and 404 for one that is not there', async () => {
    const message = await send('5511977770012', 'mine')
    const answer = await acme.post(`${path}/messages/${message.id}/read`)
    expect([answer.status, answer.body.error.code]).toEqual([400, 'validation_error'])
    expect((await acme.post(`${path}/messages/msg_01m84k41q5bzehev0j4g4kfb1t/read`)).status).toBe(404)
  })
})

describe('PATCH …/messages/{message_id}', () => {
  it('says otherwise what was sent: the contact sees the new text, and that it was edited', async () => {
    const message = await send('5511977770021', 'frist')
    const answer = await acme.patch(`${path}/messages/${message.id}`, { content: { text: 'first' } })
    expect(answer).toMatchObject({ status: 202, body: { id: message.id, content: { text: 'first' } } })
    expect(answer.body.edited_at).toMatch(/Z$/)
    const phone = await until(
      () => shown('5511977770021'),
      all => all[0]?.edited === true,
    )
    expect(phone).toHaveLength(1)
    expect(phone[0].content).toEqual({ type: 'text', text: 'first' })
    const told = await events(message.id)
    expect(told.find(each => each.type === 'message.updated').data).toMatchObject({ content: { text: 'first' } })
  })

  it('is 400 where there is nothing to edit: a received message, an empty text, a field of another type', async () => {
    const received = await heard('5511977770022', 'theirs')
    const sent = await send('5511977770022', 'ours')
    const edit = async (id: string, content: object) => {
      const answer = await acme.patch(`${path}/messages/${id}`, { content })
      return [answer.status, Object.keys(answer.body.error?.details ?? {})]
    }
    expect(await edit(received.id, { text: 'mine now' })).toEqual([400, ['message_id']])
    expect(await edit(sent.id, { text: '' })).toEqual([400, ['content.text']])
    expect(await edit(sent.id, { caption: 'x' })).toEqual([400, ['content.caption', 'content.text']])
  })

  it('is 400 after 15 minutes, as phones would drop it', async () => {
    const message = await send('5511977770023', 'old')
    await wataki.app.db.sql.query(`update message set timestamp = timestamp - interval '16 minutes' where id = $1`, [
      message.id,
    ])
    const answer = await acme.patch(`${path}/messages/${message.id}`, { content: { text: 'late' } })
    expect(answer).toMatchObject({ status: 400, body: { error: { details: { message_id: expect.any(String) } } } })
  })
})

describe('DELETE …/messages/{message_id}', () => {
  it('deletes a sent message for everyone: 204, the contact sees that it was deleted, and it says when', async () => {
    const message = await send('5511977770031', 'forget this')
    expect((await acme.delete(`${path}/messages/${message.id}`)).status).toBe(204)
    await until(
      () => shown('5511977770031'),
      all => all[0]?.deleted === true,
    )
    expect((await get(message.id)).deleted_at).toMatch(/Z$/)
    const again = await acme.delete(`${path}/messages/${message.id}`)
    expect([again.status, again.body.error.code]).toEqual([400, 'validation_error'])
  })

  it('is 400 for a received message and 404 for one that is not there', async () => {
    const received = await heard('5511977770032', 'not yours')
    expect((await acme.delete(`${path}/messages/${received.id}`)).status).toBe(400)
    expect((await acme.delete(`${path}/messages/msg_01m84k41q5bzehev0j4g4kfb1t`)).status).toBe(404)
  })
})

describe('quotes and mentions', () => {
  it('an answer quotes the message that it answers, and the phone shows it', async () => {
    const question = await heard('5511977770041', 'when?')
    const answer = await send('5511977770041', 'at noon', { quoted_message_id: question.id })
    expect(answer.quoted_message_id).toBe(question.id)
    const phone = await until(
      () => shown('5511977770041'),
      all => all.length === 2,
    )
    expect(phone[1].quotedWhatsappId).toBe(phone[0].whatsappId)
  })

  it('a quote of a message of another instance or of none is 400, and nothing is sent', async () => {
    const body = { chat_id: '5511977770042', type: 'text', content: { text: 'x' } }
    const quoted = { ...body, quoted_message_id: 'msg_01m84k41q5bzehev0j4g4kfb1t' }
    const answer = await acme.post(`${path}/messages`, quoted)
    expect([answer.status, Object.keys(answer.body.error.details)]).toEqual([400, ['quoted_message_id']])
  })

  it('mentions are people, each bad one named', async () => {
    const mentions = ['+55 11 97777-0043', '5511977770044@s.whatsapp.net']
    const sent = await send('5511977770041', 'ask @5511977770043', { mentions })
    expect(sent.mentions).toEqual(['5511977770043@s.whatsapp.net', '5511977770044@s.whatsapp.net'])
    const body = { chat_id: '5511977770041', type: 'text', content: { text: 'x' } }
    const answer = await acme.post(`${path}/messages`, { ...body, mentions: ['x', '120363000000000000@g.us'] })
    expect(Object.keys(answer.body.error.details)).toEqual(['mentions.0', 'mentions.1'])
  })
})

describe('POST …/presence', () => {
  it('answers 202 with chat_id and state, for composing, paused and recording', async () => {
    for (const state of ['composing', 'recording', 'paused']) {
      const answer = await acme.post(`${path}/presence`, { chat_id: '+55 11 97777-0051', state })
      expect(answer).toMatchObject({ status: 202, body: { chat_id: '5511977770051@s.whatsapp.net', state } })
    }
  })

  it('names bad fields, and is 409 on an instance that is not connected', async () => {
    const bad = await acme.post(`${path}/presence`, { chat_id: 'x', state: 'dancing' })
    expect([bad.status, Object.keys(bad.body.error.details).sort()]).toEqual([400, ['chat_id', 'state']])
    const idle = await acme.post('/v1/instances', { name: 'idle', sandbox: true })
    const answer = await acme.post(`/v1/instances/${idle.body.id}/presence`, {
      chat_id: '5511977770051',
      state: 'composing',
    })
    expect(answer).toMatchObject({ status: 409, body: { error: { code: 'instance_not_connected' } } })
  })
})

describe('what is done to a message survives', () => {
  it('a restart: a reaction that WhatsApp had not acked is applied afterwards', async () => {
    // Its receipts, which would prove the ack, take 30 s.
    const message = await heard('5511900000006', 'hold on')
    await wataki.app.sandbox!.fault(bot, { kind: 'hold_acks' })
    const answer = await acme.post(`${path}/messages/${message.id}/react`, { emoji: '🙏' })
    expect(answer).toMatchObject({ status: 202, body: { reactions: [] } })
    await wataki.app.sandbox!.fault(bot, { kind: 'drop' })
    await wataki.app.sandbox!.fault(bot, { kind: 'release_acks' })
    await until(
      () => get(message.id),
      each => each.reactions.length === 1,
      30_000,
    )
  })
})
