import type { BaileysEventMap } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { controlClient } from '../../src/sandbox/client.ts'
import type { Person } from '../../src/sandbox/person.ts'
import type { SandboxControl } from '../../src/sandbox/sandbox.ts'
import { type Client, textOf, until } from './client.ts'
import { type Harness, next, openHarness } from './harness.ts'

const ACCOUNT = 'control'
let h: Harness
let control: SandboxControl
let me: Client
let phone: Person

beforeAll(async () => {
  h = await openHarness({ behaviour: { registered: true, deliverAfterMs: 50, readAfterMs: 200 } })
  control = controlClient(h.sandbox.controlUrl)
  ;({ client: me, phone } = await h.link(ACCOUNT))
  me.reconnect = code => code !== 401
})
afterAll(() => h.close())

const magic = (nn: string) => `55119000000${nn}`
const jid = (number: string) => `${number}@s.whatsapp.net`
const send = async (number: string, text: string) => (await me.sock.sendMessage(jid(number), { text }))!.key.id!
const texts = async (contact: string) =>
  (await control.messages(ACCOUNT, { contact })).map(m => (m.content.type === 'text' ? m.content.text : m.content.type))

describe('the control URL', () => {
  test('names the network', async () => {
    expect(await control.network()).toEqual(h.sandbox.network)
  })

  test('is closed to whoever has not the token, and to bodies that are too large or no JSON', async () => {
    const url = h.sandbox.controlUrl
    const other = `${url.slice(0, -1)}${url.endsWith('x') ? 'y' : 'x'}`
    const wrong = await fetch(`${other}/network`, { method: 'POST', body: '{}' })
    expect(wrong.status).toBe(404)
    const large = await fetch(`${url}/network`, { method: 'POST', body: 'x'.repeat(1_100_000) })
    expect(large.status).toBe(400)
    expect((await fetch(`${url}/network`, { method: 'POST', body: '{' })).status).toBe(400)
    expect((await fetch(`${url}/toString`, { method: 'POST', body: '{}' })).status).toBe(404)
  })

  test('carries errors by their code', async () => {
    const text = { type: 'text', text: 'x' } as const
    await expect(control.sendMessage('nobody', { from: '5511911112222', content: text })).rejects.toMatchObject({
      code: 'not_linked',
    })
    await expect(control.fault('nobody', { kind: 'drop' })).rejects.toMatchObject({ code: 'not_linked' })
    await expect(control.scan('nobody', { qr: 'x' })).rejects.toMatchObject({ name: 'SandboxError', code: 'no_qr' })
    await expect(control.sendMessage(ACCOUNT, { from: 'abc', content: text })).rejects.toMatchObject({
      code: 'invalid',
    })
    await expect(control.sendMessage(ACCOUNT, { from: magic('04'), content: text })).rejects.toMatchObject({
      code: 'invalid',
    })
    const receipt = { contact: '5511911112222', whatsappId: 'NONE', status: 'read' } as const
    await expect(control.receipt(ACCOUNT, receipt)).rejects.toMatchObject({ code: 'unknown_message' })
  })

  test('a contact sends, and shows both directions, oldest first', async () => {
    const from = '5511911113333'
    const { whatsappId } = await control.sendMessage(ACCOUNT, {
      from,
      content: { type: 'text', text: 'from the contact' },
    })
    const m = await me.text('from the contact')
    expect(m.key).toMatchObject({ id: whatsappId, remoteJid: jid(from) })
    const id = await send(from, 'from the client')
    const shown = await until(async () => {
      const all = await control.messages(ACCOUNT, { contact: from })
      return all.length === 2 ? all : null
    })
    expect(shown).toMatchObject([
      { whatsappId, chatId: phone.jid(), fromMe: true, content: { type: 'text', text: 'from the contact' } },
      { whatsappId: id, chatId: phone.jid(), fromMe: false, content: { type: 'text', text: 'from the client' } },
    ])
    expect(shown[0]!.at <= shown[1]!.at).toBe(true)
  })

  test("an account sees no other account's chats", async () => {
    const other = await h.link('other')
    await other.client.sock.sendMessage(jid('5511911113333'), { text: 'from another' })
    await until(async () => (await control.messages('other', { contact: '5511911113333' })).length === 1)
    expect(await texts('5511911113333')).not.toContain('from another')
  })

  test('a receipt is told when it is asked for', async () => {
    const id = await send(magic('03'), 'unread')
    await me.status(id, 3)
    await control.receipt(ACCOUNT, { contact: magic('03'), whatsappId: id, status: 'read' })
    await me.status(id, 4)
  })
})

describe('contacts with a character', () => {
  test('01 delivers and reads', async () => {
    await me.status(await send(magic('01'), 'one'), 4)
  })

  test('02 echoes text', async () => {
    await send(magic('02'), 'parrot')
    expect((await me.message(m => textOf(m) === 'parrot' && !m.key.fromMe)).key.remoteJid).toBe(jid(magic('02')))
  })

  test('03 delivers and never reads', async () => {
    const id = await send(magic('03'), 'three')
    await me.status(id, 3)
    const read = h.sandbox.simulator.chats.receivedIn(phone.pn, magic('03'), id)
    expect(read).toBeDefined()
    expect(h.sandbox.simulator.person(magic('03')).behaviour.readAfterMs).toBeNull()
  })

  test('04 is not on WhatsApp, and a message to it is refused', async () => {
    expect(await me.sock.onWhatsApp(magic('04'))).toEqual([])
    await me.status(await send(magic('04'), 'four'), 0)
  })

  test('05 answers with an image', async () => {
    await send(magic('05'), 'five')
    const m = await me.message(x => x.message?.imageMessage && !x.key.fromMe)
    expect(m.key.remoteJid).toBe(jid(magic('05')))
  })

  test('06 takes 30 seconds: the receipts are planned, not told', async () => {
    const id = await send(magic('06'), 'six')
    await until(async () => (await texts(magic('06'))).includes('six'))
    const rows = h.sandbox.simulator.store.scan('schedule').map(([, row]) => JSON.parse(String(row)))
    const row = rows.find(r => r.action.id === id)
    expect(row.atMs - h.sandbox.simulator.clock.nowMs()).toBeGreaterThan(25_000)
  })

  test('08 drops the connection, which comes back, and the message is not sent twice', async () => {
    const before = me.events.length
    const id = await send(magic('08'), 'eight')
    await me.closed(before)
    await me.open(before)
    expect(await texts(magic('08'))).toEqual(['eight'])
    expect(h.sandbox.simulator.chats.repeats(phone.pn, magic('08'), id)).toBe(0)
  })

  test('10 is refused with the code of the rate limit, and shows nothing', async () => {
    const id = await send(magic('10'), 'ten')
    const codes = await until(() => {
      const updates = me.events.flatMap(e =>
        e.name === 'messages.update' ? (e.data as BaileysEventMap['messages.update']) : [],
      )
      const upserts = me.events.flatMap(e =>
        e.name === 'messages.upsert' ? (e.data as BaileysEventMap['messages.upsert']).messages : [],
      )
      // within 100 ms the error is merged into the upsert
      const update = updates.find(u => u.key.id === id && u.update.status === 0)?.update
      return (update ?? upserts.find(m => m.key.id === id && m.status === 0))?.messageStubParameters
    })
    expect(codes).toContain('429')
    expect(await texts(magic('10'))).toEqual([])
  })

  test('07 logs the device out', async () => {
    const { client, phone: doomed } = await h.link('doomed')
    await client.sock.sendMessage(jid(magic('07')), { text: 'seven' })
    await until(() => client.codes.includes(401))
    expect(doomed.companions.size).toBe(0)
  })
})

describe('faults', () => {
  test('hold_acks keeps acks back and stores the message; a repeat is shown once and counted', async () => {
    const contact = '5511911114444'
    await control.fault(ACCOUNT, { kind: 'hold_acks' })
    const acked: string[] = []
    me.sock.ws.on('CB:ack,class:message', (node: { attrs: { id: string } }) => acked.push(node.attrs.id))
    const id = await send(contact, 'held')
    await until(async () => (await texts(contact)).length === 1)
    await me.sock.relayMessage(jid(contact), { conversation: 'held' }, { messageId: id })
    await until(() => h.sandbox.simulator.chats.repeats(phone.pn, contact, id) === 1)
    expect(await texts(contact)).toEqual(['held'])
    expect(acked).toEqual([])
    await control.fault(ACCOUNT, { kind: 'release_acks' })
    await until(() => acked.includes(id))
  })

  test('duplicate_next sends the next message twice, and the client shows it once', async () => {
    let stanzas = 0
    me.sock.ws.on('CB:message', () => stanzas++)
    await control.fault(ACCOUNT, { kind: 'duplicate_next' })
    await control.sendMessage(ACCOUNT, { from: '5511911115555', content: { type: 'text', text: 'twice' } })
    await me.text('twice')
    await until(() => stanzas === 2)
    const seen = me.events
      .filter(e => e.name === 'messages.upsert')
      .flatMap(e => (e.data as { messages: never[] }).messages)
    expect(seen.filter(m => textOf(m) === 'twice')).toHaveLength(1)
  })

  test('drop and stream_error close the connection with their code', async () => {
    for (const [fault, code] of [
      [{ kind: 'drop' }, 428],
      [{ kind: 'stream_error', code: 515 }, 515],
      [{ kind: 'stream_error', code: 503 }, 503],
      [{ kind: 'stream_error', code: 440 }, 440],
    ] as const) {
      const before = me.events.length
      await control.fault(ACCOUNT, fault)
      await me.closed(before)
      expect(me.codes.at(-1)).toBe(code)
      await me.open(before)
    }
  })

  test('logout unlinks the device', async () => {
    const unlinked = next(h.sandbox, 'offline', c => c.person === phone)
    await control.fault(ACCOUNT, { kind: 'logout' })
    await unlinked
    await until(() => me.codes.at(-1) === 401)
    await expect(control.fault(ACCOUNT, { kind: 'drop' })).rejects.toMatchObject({ code: 'not_linked' })
  })

  test('no stanza was left without a handler, and nothing failed inside', () => {
    expect(h.unhandled).toEqual([])
    expect(h.errors).toEqual([])
  })
})
