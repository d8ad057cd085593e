import { randomBytes } from 'node:crypto'
import { type BinaryNode, downloadMediaMessage } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Companion } from '../../src/sandbox/companion.ts'
import type { Person } from '../../src/sandbox/person.ts'
import { type Client, textOf, until } from './client.ts'
import { type Harness, next, openHarness } from './harness.ts'

let h: Harness
let me: Client
let phone: Person
let companion: () => Companion
let bob: Person
let carol: Person

beforeAll(async () => {
  h = await openHarness()
  ;({ client: me, phone, companion } = await h.link('messages'))
  bob = h.contact('5511955550002')
  carol = h.contact('5511955550003')
  carol.addressing = 'lid'
})
afterAll(() => h.close())

const heard = (who: Person, text: string) => next(h.sandbox, 'message', m => m.person === who && m.text === text && m)
const send = async (jid: string, text: string) => (await me.sock.sendMessage(jid, { text }))!.key.id!

describe('messages between a real client and simulated phones', () => {
  test('a text to a contact is decrypted, delivered and read', async () => {
    const got = heard(bob, 'hello bob')
    const id = await send(bob.jid(), 'hello bob')
    expect((await got).id).toBe(id)
    await me.status(id, 4)
  })

  test('a text from a contact arrives as notify, with both of its names', async () => {
    const receipt = next(h.sandbox, 'receipt', r => r.person === bob && r)
    const id = await bob.speaker.text(phone, 'hi gateway')
    const m = await me.text('hi gateway')
    expect(m).toMatchObject({ upsert: 'notify', pushName: bob.name })
    expect(m.key).toMatchObject({ id, remoteJid: bob.jid(), remoteJidAlt: bob.jid('lid') })
    expect((await receipt).ids).toEqual([id])
  })

  test('a read receipt of the client reaches the contact', async () => {
    const m = await me.text('hi gateway')
    const receipt = next(h.sandbox, 'receipt', r => r.person === bob && r.type === 'read' && r)
    await me.sock.readMessages([m.key])
    expect((await receipt).ids).toEqual([m.key.id])
  })

  test('a contact that is addressed by LID is reached by either name and answers by LID', async () => {
    const byLid = heard(carol, 'by lid')
    await send(carol.jid('lid'), 'by lid')
    expect((await byLid).chat).toBe(carol.jid('lid'))
    await carol.speaker.text(phone, 'hi from lid')
    const m = await me.text('hi from lid')
    expect(m.key).toMatchObject({ remoteJid: carol.jid('lid'), remoteJidAlt: carol.jid(), addressingMode: 'lid' })
    const byNumber = heard(carol, 'by number')
    await send(carol.jid(), 'by number')
    await byNumber
  })

  test('the own phone sees what the client sent, and the client what the phone sent', async () => {
    const mirrored = next(h.sandbox, 'sent', s => s.text === 'mirror me' && s)
    await send(bob.jid(), 'mirror me')
    expect((await mirrored).to).toBe(bob.jid())
    await phone.speaker.text(bob, 'typed on the phone')
    const m = await me.text('typed on the phone')
    expect(m.key).toMatchObject({ fromMe: true, remoteJid: bob.jid() })
    const shown = await h.sandbox.control.messages('messages', { contact: bob.pn })
    expect(shown.some(s => s.content.type === 'text' && s.content.text === 'mirror me' && !s.fromMe)).toBe(true)
  })

  test('reactions go both ways', async () => {
    const m = await me.text('hi gateway')
    const got = heard(bob, '👍')
    await me.sock.sendMessage(bob.jid(), { react: { text: '👍', key: m.key } })
    await got
    const id = await send(bob.jid(), 'react to this')
    await bob.speaker.react(phone, { remoteJid: phone.jid(), id, fromMe: false }, '🎉')
    const reaction = await me.wait('messages.reaction', rs => rs.find(r => r.reaction.text === '🎉'))
    expect(reaction.key).toMatchObject({ id, fromMe: true })
  })

  test('edits, deletes, polls and places arrive as what they are', async () => {
    const key = structuredClone((await me.sock.sendMessage(bob.jid(), { text: 'tpyo' }))!.key)
    const edit = next(h.sandbox, 'message', m => m.edit === '1' && m)
    await me.sock.sendMessage(bob.jid(), { text: 'typo', edit: key })
    expect((await edit).message.protocolMessage?.editedMessage?.extendedTextMessage?.text).toBe('typo')
    const deleted = next(h.sandbox, 'message', m => m.edit === '7' && m)
    await me.sock.sendMessage(bob.jid(), { delete: key })
    expect((await deleted).message.protocolMessage?.key?.id).toBe(key.id)
    const poll = next(h.sandbox, 'message', m => m.message.pollCreationMessageV3)
    await me.sock.sendMessage(bob.jid(), { poll: { name: 'Q', values: ['a', 'b'], selectableCount: 1 } })
    expect((await poll).name).toBe('Q')
    const place = next(h.sandbox, 'message', m => m.message.locationMessage)
    await me.sock.sendMessage(bob.jid(), { location: { degreesLatitude: 1, degreesLongitude: 2 } })
    await place
    const shown = await h.sandbox.control.messages('messages', { contact: bob.pn })
    expect(shown.at(-1)?.content).toEqual({ type: 'location', latitude: 1, longitude: 2, name: null, address: null })
    expect(shown.find(m => m.whatsappId === key.id)).toMatchObject({ edited: true, deleted: true })
  })

  test('media goes through the media host, encrypted, both ways', async () => {
    const bytes = randomBytes(50_000)
    const got = next(h.sandbox, 'message', m => m.message.documentMessage && m)
    await me.sock.sendMessage(bob.jid(), { document: bytes, mimetype: 'application/pdf', fileName: 'a.pdf' })
    expect(await bob.listener.download((await got).message)).toEqual(bytes)
    await bob.speaker.image(phone, bytes, { caption: 'pic' })
    const m = await me.message(x => x.message?.imageMessage && !x.key.fromMe)
    expect(await downloadMediaMessage(m, 'buffer', {})).toEqual(bytes)
  })

  test('typing and presence go both ways', async () => {
    const typing = next(h.sandbox, 'chatstate', c => c.person === bob && c)
    await me.sock.sendPresenceUpdate('composing', bob.jid())
    expect((await typing).state).toBe('composing')
    const subscribed = next(h.sandbox, 'subscribed', s => s.person === bob)
    await me.sock.presenceSubscribe(bob.jid())
    await subscribed
    bob.speaker.presence(phone)
    bob.speaker.typing(phone, 'recording')
    await me.wait('presence.update', p => p.presences[bob.jid()]?.lastKnownPresence === 'recording')
  })

  test('a group of simulated phones reads the client, and the client reads them', async () => {
    const group = h.sandbox.simulator.group({ subject: 'Team', owner: bob, members: [phone, carol] })
    expect((await me.sock.groupMetadata(group.jid)).participants).toHaveLength(3)
    const both = Promise.all([heard(bob, 'hello team'), heard(carol, 'hello team')])
    // on the wire: Baileys merges a quick receipt into its event of the message
    const receipts: { id?: string; participant?: string }[] = []
    me.sock.ws.on('CB:receipt', (node: BinaryNode) => receipts.push(node.attrs))
    const id = await send(group.jid, 'hello team')
    await both
    await until(() => receipts.some(r => r.id === id && r.participant === carol.jid('lid')))
    await bob.speaker.text(group, 'hello from bob')
    const m = await me.text('hello from bob')
    expect(m.key).toMatchObject({ remoteJid: group.jid, participant: bob.jid('lid') })
    const again = heard(carol, 'second')
    await send(group.jid, 'second')
    await again
    const shown = await h.sandbox.control.messages('messages', { contact: carol.pn })
    expect(shown.at(-1)).toMatchObject({ chatId: group.jid, fromMe: false, content: { text: 'second' } })
    const { whatsappId } = await h.sandbox.control.sendMessage('messages', {
      from: carol.pn,
      content: { type: 'text', text: 'carol in the group' },
      chatId: group.jid,
    })
    expect((await me.text('carol in the group')).key).toMatchObject({ id: whatsappId, remoteJid: group.jid })
  })

  test('the client makes and changes a group', async () => {
    const made = await me.sock.groupCreate('Made here', [bob.jid()])
    expect((await me.sock.groupParticipantsUpdate(made.id, [carol.jid()], 'add'))[0]?.status).toBe('200')
    await me.sock.groupParticipantsUpdate(made.id, [carol.jid()], 'promote')
    await me.sock.groupUpdateSubject(made.id, 'New name')
    await me.sock.groupUpdateDescription(made.id, 'About us')
    const all = await me.sock.groupFetchAllParticipating()
    expect(all[made.id]).toMatchObject({ subject: 'New name', desc: 'About us' })
    expect(await me.sock.groupInviteCode(made.id)).toBeTruthy()
    await me.sock.groupParticipantsUpdate(made.id, [carol.jid()], 'remove')
    await me.sock.groupLeave(made.id)
    await expect(me.sock.groupMetadata(made.id)).rejects.toThrow(/forbidden/)
  })

  test('look-ups answer: who is on WhatsApp, status, picture, block list', async () => {
    const found = await me.sock.onWhatsApp(bob.pn, '5511900000004')
    expect(found?.map(x => [x.jid, x.exists])).toEqual([[bob.jid(), true]])
    await expect(me.sock.profilePictureUrl(bob.jid(), 'image')).rejects.toThrow()
    await me.sock.updateBlockStatus(bob.jid(), 'block')
    expect(await me.sock.fetchBlocklist()).toEqual([bob.jid('lid')])
    await me.sock.updateBlockStatus(bob.jid(), 'unblock')
    await me.sock.updateProfileStatus('busy')
    expect(phone.row.about).toBe('busy')
  })

  test('app state is kept: archive, mute', async () => {
    const last = await me.text('hi gateway')
    const patched = next(h.sandbox, 'appState', p => p)
    await me.sock.chatModify({ archive: true, lastMessages: [last] }, bob.jid())
    await patched
    await me.sock.chatModify({ mute: 3_600_000 }, bob.jid())
    await me.wait('chats.update', cs => cs.find(c => c.muteEndTime))
  })

  test('a call rings and ends', async () => {
    const id = bob.speaker.call(phone)
    const call = await me.wait('call', cs => cs.find(c => c.id === id))
    expect(call.status).toBe('offer')
    await me.sock.rejectCall(call.id, call.from)
    bob.speaker.hangUp(phone, id, 'timeout')
    await me.wait('call', cs => cs.find(c => c.id === id && c.status === 'timeout'))
  })

  test('a message that the client cannot read is asked for again, and sent again', async () => {
    const retry = next(h.sandbox, 'receipt', r => r.person === bob && r.type === 'retry')
    await bob.speaker.text(phone, 'garbled once', { corrupt: true })
    await retry
    await me.text('garbled once')
  })

  test('a message that the contact cannot read is asked for again, and shown once', async () => {
    await bob.device.repository.deleteSession([companion().lid])
    const bad = next(h.sandbox, 'undecryptable', u => u.person === bob)
    const good = heard(bob, 'once more')
    await send(bob.jid(), 'once more')
    await bad
    await good
  })

  test('low on one-time keys, the server asks and the client uploads', async () => {
    companion().exhaustPreKeys(5)
    const uploaded = next(h.sandbox, 'preKeys', c => c)
    companion().takeBundle()
    await uploaded
    expect(companion().preKeyCount).toBeGreaterThan(4)
  })

  test('what was sent while the client was away comes after its return, in order', async () => {
    me.reconnect = () => true
    const before = me.events.length
    companion().drop()
    await me.closed(before)
    for (let i = 0; i < 3; i++) await bob.speaker.text(phone, `while away ${i}`)
    const last = await me.text('while away 2', before)
    expect(last.upsert).toBe('append')
    const texts = me.events
      .slice(before)
      .flatMap(e => (e.name === 'messages.upsert' ? (e.data as { messages: never[] }).messages.map(textOf) : []))
    expect(texts).toEqual(['while away 0', 'while away 1', 'while away 2'])
    await until(() => companion().outbox.size === 0)
  })

  test('two real clients write to each other', async () => {
    const [a, b] = [await h.link('pair-a'), await h.link('pair-b')]
    await a.client.sock.sendMessage(b.phone.jid(), { text: 'a to b' })
    expect((await b.client.text('a to b')).key.remoteJid).toBe(a.phone.jid())
    await b.client.sock.sendMessage(a.phone.jid(), { text: 'b to a' })
    await a.client.text('b to a')
  })

  test('no stanza was left without a handler, and nothing failed inside', () => {
    expect(h.unhandled).toEqual([])
    expect(h.errors).toEqual([])
  })
})
