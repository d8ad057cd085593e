import { createHash, randomBytes } from 'node:crypto'
import { downloadMediaMessage, type WAMessage } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { controlClient } from '../../src/sandbox/client.ts'
import type { Person } from '../../src/sandbox/person.ts'
import type { ContactContent, SandboxControl, ShownMessage } from '../../src/sandbox/sandbox.ts'
import { type Client, until } from './client.ts'
import { type Harness, next, openHarness } from './harness.ts'

const ACCOUNT = 'kinds'
const BOB = '5511955560001'
let h: Harness
let me: Client
let phone: Person
let control: SandboxControl

beforeAll(async () => {
  h = await openHarness()
  ;({ client: me, phone } = await h.link(ACCOUNT))
  control = controlClient(h.sandbox.controlUrl)
})
afterAll(() => h.close())

const jid = (pn: string) => `${pn}@s.whatsapp.net`
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const say = async (content: ContactContent, more: { quotedWhatsappId?: string; chatId?: string } = {}) =>
  (await control.sendMessage(ACCOUNT, { from: BOB, content, ...more })).whatsappId
const arrived = (id: string) => me.message(m => m.key.id === id)
const all = (contact = BOB) => control.messages(ACCOUNT, { contact })
const shown = (id: string, contact = BOB): Promise<ShownMessage> =>
  until(async () => (await all(contact)).find(m => m.whatsappId === id))
const shownWhen = (id: string, test: (m: ShownMessage) => boolean) =>
  until(async () => (await all()).find(m => m.whatsappId === id && test(m)))
const send = async (...args: Parameters<Client['sock']['sendMessage']>) =>
  structuredClone((await me.sock.sendMessage(...args))!.key) as WAMessage['key'] & { id: string }

describe('what a contact sends', () => {
  test.each([
    ['image', 'imageMessage', { mimeType: 'image/jpeg', caption: 'a caption' }],
    ['video', 'videoMessage', { mimeType: 'video/mp4', caption: 'a caption', seconds: 3 }],
    ['audio', 'audioMessage', { mimeType: 'audio/ogg; codecs=opus', ptt: true, seconds: 2 }],
    ['document', 'documentMessage', { mimeType: 'application/pdf', filename: 'a.pdf', caption: 'read this' }],
    ['sticker', 'stickerMessage', { mimeType: 'image/webp' }],
  ] as const)('%s arrives, and opens to the very bytes', async (type, field, more) => {
    const bytes = randomBytes(70_001)
    const id = await say({ type, bytes: bytes.toString('base64'), ...more })
    const m = await arrived(id)
    const media = m.message?.[field]
    expect(media).toMatchObject({ mimetype: more.mimeType })
    if ('caption' in more) expect(media).toMatchObject({ caption: more.caption })
    if ('ptt' in more) expect(media).toMatchObject({ ptt: true, seconds: 2 })
    if ('filename' in more) expect(media).toMatchObject({ fileName: 'a.pdf' })
    expect(Number(media?.fileLength)).toBe(bytes.length)
    expect(sha256((await downloadMediaMessage(m, 'buffer', {})) as Buffer)).toBe(sha256(bytes))
    expect(await shown(id)).toMatchObject({
      fromMe: true,
      from: BOB,
      content: { type, media: { mimeType: more.mimeType, sizeBytes: bytes.length, sha256: sha256(bytes) } },
    })
  })

  test('15 MB of media pass the control URL; more than 16 MiB are refused', async () => {
    const bytes = randomBytes(15 * 1024 * 1024)
    const id = await say({ type: 'document', bytes: bytes.toString('base64'), mimeType: 'application/zip' })
    expect(Number((await arrived(id)).message?.documentMessage?.fileLength)).toBe(bytes.length)
    const large = Buffer.alloc(16 * 1024 * 1024 + 1).toString('base64')
    await expect(say({ type: 'document', bytes: large, mimeType: 'application/zip' })).rejects.toMatchObject({
      code: 'invalid',
    })
  })

  test('a place and address cards arrive', async () => {
    const place = await say({ type: 'location', latitude: -23.5, longitude: -46.6, name: 'Sé', address: null })
    expect((await arrived(place)).message?.locationMessage).toMatchObject({ degreesLatitude: -23.5, name: 'Sé' })
    const cards = [
      { name: 'Ana', phone: '5511977770001' },
      { name: 'Rui', phone: '5511977770002' },
    ]
    const one = await say({ type: 'contacts', contacts: cards.slice(0, 1) })
    expect((await arrived(one)).message?.contactMessage?.vcard).toContain('waid=5511977770001')
    const two = await say({ type: 'contacts', contacts: cards })
    expect((await arrived(two)).message?.contactsArrayMessage?.contacts).toHaveLength(2)
    expect((await shown(two)).content).toEqual({
      type: 'contacts',
      contacts: cards.map(({ name, phone: digits }) => ({ name, phone: `+${digits}` })),
    })
  })

  test('a message that answers another names it', async () => {
    const { id: asked } = await send(jid(BOB), { text: 'which one?' })
    await shown(asked)
    const id = await say({ type: 'text', text: 'this one' }, { quotedWhatsappId: asked })
    expect((await arrived(id)).message?.extendedTextMessage?.contextInfo).toMatchObject({
      stanzaId: asked,
      quotedMessage: { conversation: 'which one?' },
    })
    expect((await shown(id)).quotedWhatsappId).toBe(asked)
  })

  test('the chat may be named by phone or by LID, and the contact is named in the same form', async () => {
    const byLid = await say({ type: 'text', text: 'by lid' }, { chatId: phone.jid('lid') })
    const contact = h.sandbox.simulator.person(BOB)
    expect((await arrived(byLid)).key).toMatchObject({ remoteJid: contact.jid('lid'), remoteJidAlt: jid(BOB) })
    const byPhone = await say({ type: 'text', text: 'by phone' }, { chatId: phone.jid() })
    expect((await arrived(byPhone)).key).toMatchObject({ remoteJid: jid(BOB), remoteJidAlt: contact.jid('lid') })
    await expect(say({ type: 'text', text: 'x' }, { chatId: jid('5511955569999') })).rejects.toMatchObject({
      code: 'invalid',
    })
  })

  test('a contact may keep its number to itself, and tell it later', async () => {
    const from = '5511955560009'
    const contact = h.sandbox.simulator.person(from)
    const text = { type: 'text', text: 'who am I?' } as const
    const first = await control.sendMessage(ACCOUNT, { from, content: text, hideNumber: true })
    const { key } = await arrived(first.whatsappId)
    expect(key).toMatchObject({ remoteJid: contact.jid('lid') })
    expect(key.remoteJidAlt).toBeUndefined()
    const told = await control.sendMessage(ACCOUNT, { from, content: text })
    expect((await arrived(told.whatsappId)).key).toMatchObject({
      remoteJid: jid(from),
      remoteJidAlt: contact.jid('lid'),
    })
  })

  test('what is no content is refused', async () => {
    const bad: unknown[] = [
      { type: 'text', text: '' },
      { type: 'poll' },
      { type: 'image', bytes: '', mimeType: 'image/png' },
      { type: 'image', bytes: 'AAAA' },
      { type: 'location', latitude: 91, longitude: 0 },
      { type: 'location', latitude: 'x', longitude: 0 },
      { type: 'contacts', contacts: [] },
      null,
    ]
    for (const content of bad) {
      await expect(say(content as ContactContent), JSON.stringify(content)).rejects.toMatchObject({ code: 'invalid' })
    }
  })
})

describe('what a contact is shown', () => {
  test('media is downloaded and opened', async () => {
    const bytes = randomBytes(40_000)
    const image = await send(jid(BOB), {
      document: bytes,
      mimetype: 'application/pdf',
      fileName: 'b.pdf',
      caption: 'c',
    })
    expect((await shown(image.id)).content).toEqual({
      type: 'document',
      media: { mimeType: 'application/pdf', sizeBytes: bytes.length, sha256: sha256(bytes) },
      caption: 'c',
      filename: 'b.pdf',
      ptt: false,
    })
    const voice = await send(jid(BOB), { audio: bytes, mimetype: 'audio/ogg; codecs=opus', ptt: true, seconds: 1 })
    expect((await shown(voice.id)).content).toMatchObject({
      type: 'audio',
      ptt: true,
      media: { sha256: sha256(bytes) },
    })
  })

  test('media that is not what its sender hashed is not shown as media', async () => {
    const { id } = await send(jid(BOB), { document: randomBytes(100), mimetype: 'application/pdf' })
    const sent = (await me.message(m => m.key.id === id)).message?.documentMessage
    const wrong = { ...sent, fileSha256: randomBytes(32) }
    const forged = await me.sock.relayMessage(jid(BOB), { documentMessage: wrong }, {})
    expect((await shown(forged)).content).toEqual({ type: 'unsupported', kind: 'documentMessage' })
    expect(h.errors.splice(0)).toHaveLength(1)
  })

  test('places, cards and quotes are read', async () => {
    const place = await send(jid(BOB), { location: { degreesLatitude: 1.5, degreesLongitude: 2, name: 'There' } })
    expect((await shown(place.id)).content).toMatchObject({ type: 'location', latitude: 1.5, name: 'There' })
    const vcard = 'BEGIN:VCARD\nVERSION:3.0\nFN:Eva\nTEL;type=CELL:+55 11 97777-0003\nEND:VCARD'
    const card = await send(jid(BOB), { contacts: { displayName: 'Eva', contacts: [{ displayName: 'Eva', vcard }] } })
    expect((await shown(card.id)).content).toEqual({
      type: 'contacts',
      contacts: [{ name: 'Eva', phone: '+5511977770003' }],
    })
    const said = await arrived(await say({ type: 'text', text: 'quote me' }))
    const answer = await send(jid(BOB), { text: 'quoted' }, { quoted: said })
    expect((await shown(answer.id)).quotedWhatsappId).toBe(said.key.id)
  })
})

describe('reactions, edits and deletions', () => {
  test('of the client change what the contact is shown, and are no messages of their own', async () => {
    const key = await send(jid(BOB), { text: 'tpyo' })
    const other = await arrived(await say({ type: 'text', text: 'like me' }))
    const before = (await all()).length
    await me.sock.sendMessage(jid(BOB), { react: { text: '👍', key: other.key } })
    await shownWhen(other.key.id!, m => m.reactions.length === 1)
    await me.sock.sendMessage(jid(BOB), { react: { text: '🎉', key: other.key } })
    const replaced = await shownWhen(other.key.id!, m => m.reactions[0]?.emoji === '🎉')
    expect(replaced.reactions).toEqual([{ from: phone.pn, emoji: '🎉' }])
    await me.sock.sendMessage(jid(BOB), { react: { text: '', key: other.key } })
    await shownWhen(other.key.id!, m => m.reactions.length === 0)
    await me.sock.sendMessage(jid(BOB), { text: 'typo', edit: key })
    const edited = await shownWhen(key.id, m => m.edited)
    expect(edited.content).toEqual({ type: 'text', text: 'typo' })
    await me.sock.sendMessage(jid(BOB), { delete: structuredClone(key) })
    const deleted = await shownWhen(key.id, m => m.deleted)
    expect(deleted.content).toEqual({ type: 'unsupported', kind: 'deleted' })
    expect(await all()).toHaveLength(before)
  })

  test("nobody can edit or delete another's message", async () => {
    const id = await say({ type: 'text', text: 'mine' })
    await me.sock.sendMessage(jid(BOB), { delete: { remoteJid: jid(BOB), fromMe: true, id } })
    const later = await send(jid(BOB), { text: 'after the attempt' })
    await shown(later.id)
    expect(await shown(id)).toMatchObject({ deleted: false, content: { text: 'mine' } })
    await expect(control.deleteMessage(ACCOUNT, { contact: BOB, whatsappId: later.id })).rejects.toMatchObject({
      code: 'invalid',
    })
    const edit = { contact: BOB, whatsappId: later.id, text: 'x' }
    await expect(control.editMessage(ACCOUNT, edit)).rejects.toMatchObject({ code: 'invalid' })
  })

  test('of the contact reach the client', async () => {
    const key = await send(jid(BOB), { text: 'react to this' })
    await shown(key.id)
    await control.reaction(ACCOUNT, { contact: BOB, whatsappId: key.id, emoji: '❤️' })
    const reaction = await me.wait('messages.reaction', rs => rs.find(r => r.reaction.text === '❤️'))
    expect(reaction.key).toMatchObject({ id: key.id, fromMe: true })
    expect((await shown(key.id)).reactions).toEqual([{ from: BOB, emoji: '❤️' }])
    await control.reaction(ACCOUNT, { contact: BOB, whatsappId: key.id, emoji: '' })
    expect((await shown(key.id)).reactions).toEqual([])
    const id = await say({ type: 'text', text: 'frist' })
    await arrived(id)
    await control.editMessage(ACCOUNT, { contact: BOB, whatsappId: id, text: 'first' })
    const update = await me.wait('messages.update', us => us.find(u => u.key.id === id && u.update.message))
    expect(update.update.message?.editedMessage?.message?.conversation).toBe('first')
    expect(await shown(id)).toMatchObject({ edited: true, content: { text: 'first' } })
    await control.deleteMessage(ACCOUNT, { contact: BOB, whatsappId: id })
    await me.wait('messages.update', us => us.find(u => u.key.id === id && u.update.message === null))
    expect(await shown(id)).toMatchObject({ deleted: true })
    await expect(control.reaction(ACCOUNT, { contact: BOB, whatsappId: id, emoji: '👍' })).rejects.toMatchObject({
      code: 'unknown_message',
    })
  })
})

describe("the account's own phone", () => {
  test('sends any kind: the contact is shown it, the client gets it as its own, and receipts come', async () => {
    const bytes = randomBytes(5_000)
    const { whatsappId } = await control.sendFromPhone(ACCOUNT, {
      to: BOB,
      content: { type: 'image', bytes: bytes.toString('base64'), mimeType: 'image/png', caption: 'from the phone' },
    })
    const m = await arrived(whatsappId)
    expect(m.key).toMatchObject({ fromMe: true, remoteJid: jid(BOB) })
    expect(await downloadMediaMessage(m, 'buffer', {})).toEqual(bytes)
    expect(await shown(whatsappId)).toMatchObject({
      fromMe: false,
      from: phone.pn,
      content: { type: 'image', caption: 'from the phone', media: { sha256: sha256(bytes) } },
    })
    await me.status(whatsappId, 4)
    await control.reaction(ACCOUNT, { contact: BOB, whatsappId, emoji: '👀' })
    await me.wait('messages.reaction', rs => rs.find(r => r.key.id === whatsappId && r.reaction.text === '👀'))
  })

  test('a copy that the client cannot read is asked for again', async () => {
    const [companion] = [...phone.companions.values()]
    await me.sock.signalRepository.deleteSession([phone.jid('lid')])
    await phone.speaker.text(h.sandbox.simulator.person(BOB), 'settles')
    const again = next(h.sandbox, 'resent', r => r.person === phone && r.content.type === 'text' && r)
    await me.sock.signalRepository.deleteSession([phone.jid('lid'), `${companion!.person.pn}@s.whatsapp.net`])
    const { whatsappId } = await control.sendFromPhone(ACCOUNT, { to: BOB, content: { type: 'text', text: 'unread' } })
    expect((await again).id).toBeTruthy()
    expect((await arrived(whatsappId)).key).toMatchObject({ fromMe: true, remoteJid: jid(BOB) })
    await me.text('unread')
  })

  test('what the account reads on its phone is told to the client', async () => {
    const id = await say({ type: 'text', text: 'read me on the phone' })
    await arrived(id)
    await control.readOnPhone(ACCOUNT, { contact: BOB, whatsappIds: [id] })
    const read = await me.wait('messages.update', us => us.find(u => u.key.id === id && u.update.status === 4))
    expect(read.key).toMatchObject({ remoteJid: jid(BOB), fromMe: false })
    const none = { contact: BOB, whatsappIds: ['NONE'] }
    await expect(control.readOnPhone(ACCOUNT, none)).rejects.toMatchObject({ code: 'unknown_message' })
  })
})

test('no stanza was left without a handler, and nothing failed inside', () => {
  expect(h.unhandled).toEqual([])
  expect(h.errors).toEqual([])
})
