import { type proto, proto as protocol } from '@whiskeysockets/baileys'
import { afterEach, expect, test } from 'vitest'
import type { Received } from '../../src/sandbox/listener.ts'
import type { Person } from '../../src/sandbox/person.ts'
import type { InboundContent, MessageKey, OutboundContent } from '../../src/whatsapp/whatsapp.ts'
import { openRig, type Rig, until } from './rig.ts'

let rig: Rig
afterEach(() => rig?.close())

const BOB = '5511988880031'
const CAROL = '5511988880032'
const BOB_JID = `${BOB}@s.whatsapp.net`
const AT = new Date(1_700_000_000_000)

interface Setting {
  phone: Person
  bob: Person
  carol: Person
  /** What other phones were shown, and what the own phone learnt that this device sent. */
  received: Received[]
  sent: { id: string; message: proto.IMessage }[]
  /** The attribute of each stanza that a client sent. */
  edits: Map<string, string | undefined>
}

async function linked(): Promise<Setting> {
  rig = await openRig()
  await rig.link('a')
  const { simulator } = rig.sandbox
  const setting: Setting = {
    phone: simulator.person(rig.heard('a').states.at(-1)!.phoneNumber!.slice(1)),
    bob: simulator.person(BOB),
    carol: simulator.person(CAROL),
    received: [],
    sent: [],
    edits: new Map(),
  }
  simulator.events.on('message', one => setting.received.push(one))
  simulator.events.on('sent', one => setting.sent.push(one))
  simulator.events.on('clientMessage', (_, { attrs }) => setting.edits.set(attrs.id ?? '', attrs.edit))
  return setting
}

/** What the own phone learnt of a message of this device: the very message that everyone gets. */
async function sentTo(setting: Setting, to: string, content: OutboundContent | Uint8Array) {
  const { whatsappId, kind } = await rig.send('a', to, content)
  expect(kind).toBe('written')
  await until(() => setting.sent.some(({ id }) => id === whatsappId), 'the copy on the own phone')
  await until(() => rig.heard('a').acks.some(ack => ack.whatsappId === whatsappId), 'the ack')
  return { whatsappId, message: setting.sent.find(({ id }) => id === whatsappId)!.message }
}

const target = (whatsappId: string, change: Partial<MessageKey> = {}): MessageKey => ({
  whatsappId,
  chat: BOB_JID,
  fromMe: true,
  sender: BOB_JID,
  ...change,
})

test('places and people arrive as they were given; a name of a contact ends no field', async () => {
  const setting = await linked()
  const place = { latitude: -23.55, longitude: -46.63, name: 'Sé', address: null }
  const { message } = await sentTo(setting, BOB, { type: 'location', ...place })
  expect(message.locationMessage).toMatchObject({ degreesLatitude: -23.55, degreesLongitude: -46.63, name: 'Sé' })
  const eve = { name: 'Eve\r\nTEL;waid=1:+1', phone: '+5511988880099' }
  const one = await sentTo(setting, BOB, { type: 'contacts', contacts: [eve] })
  expect(one.message.contactMessage?.vcard?.match(/^TEL/gm)).toHaveLength(1)
  expect(one.message.contactMessage?.vcard).toContain('\nTEL;type=CELL;type=VOICE;waid=5511988880099:+5511988880099\n')
  const two = await sentTo(setting, BOB, { type: 'contacts', contacts: [eve, eve] })
  expect(two.message.contactsArrayMessage?.contacts).toHaveLength(2)
})

test('a reaction, its taking back, an edit and a deletion name their message, on the stanza too', async () => {
  const setting = await linked()
  const { whatsappId: id } = await sentTo(setting, BOB, { type: 'text', text: 'hello' })
  const react = (emoji: string) =>
    sentTo(setting, BOB, { type: 'reaction', target: target('X', { fromMe: false }), emoji, at: AT })
  const reaction = await react('👍')
  expect(reaction.message.reactionMessage).toMatchObject({ text: '👍', key: { id: 'X', fromMe: false } })
  expect(reaction.message.reactionMessage?.key?.participant || null).toBe(null)
  const back = await react('')
  const edit = await sentTo(setting, BOB, { type: 'edit', target: target(id), text: 'better', at: AT })
  expect(edit.message.protocolMessage).toMatchObject({
    type: protocol.Message.ProtocolMessage.Type.MESSAGE_EDIT,
    key: { id, fromMe: true, remoteJid: BOB_JID },
    editedMessage: { extendedTextMessage: { text: 'better' } },
  })
  const caption = await sentTo(setting, BOB, { type: 'edit', target: target(id), text: 'c', at: AT, media: 'image' })
  expect(caption.message.protocolMessage?.editedMessage).toMatchObject({ imageMessage: { caption: 'c' } })
  const deletion = await sentTo(setting, BOB, { type: 'delete', target: target(id) })
  expect(deletion.message.protocolMessage).toMatchObject({ type: protocol.Message.ProtocolMessage.Type.REVOKE })
  expect(
    [id, reaction.whatsappId, back.whatsappId, edit.whatsappId, deletion.whatsappId].map(x => setting.edits.get(x)),
  ).toEqual([undefined, undefined, '7', '1', '7'])
})

test('as an admin of a group one deletes what others wrote: the stanza says so', async () => {
  const setting = await linked()
  const { phone, bob, carol } = setting
  const group = rig.sandbox.simulator.group({ subject: 'Team', owner: phone, members: [bob, carol] })
  const theirs = target('X', { chat: group.jid, fromMe: false, sender: bob.jid('lid') })
  const { whatsappId, kind } = await rig.send('a', group.jid, { type: 'delete', target: theirs })
  expect(kind).toBe('written')
  await until(() => setting.edits.has(whatsappId), 'the stanza')
  expect(setting.edits.get(whatsappId)).toBe('8')
})

test('an answer has its question with it, and those who are mentioned', async () => {
  const setting = await linked()
  const quoted: InboundContent = { type: 'text', text: 'the question' }
  const extras = { quoted: { key: target('Q', { fromMe: false }), content: quoted }, mentions: [BOB_JID] }
  const text = rig.whatsapp.compose({ type: 'text', text: 'the answer' }, extras)
  const { message } = await sentTo(setting, BOB, text)
  expect(message.extendedTextMessage).toMatchObject({
    text: 'the answer',
    contextInfo: {
      stanzaId: 'Q',
      participant: BOB_JID,
      quotedMessage: { conversation: 'the question' },
      mentionedJid: [BOB_JID],
    },
  })
  expect(message.messageContextInfo?.messageSecret).toHaveLength(32)
})

test('reactions, edits and deletions of contacts are told as what they are, with their message', async () => {
  const { phone, bob } = await linked()
  const { whatsappId } = await rig.send('a', BOB, 'hello')
  const theirs = await bob.speaker.text(phone, 'helo')
  const key = { id: whatsappId, remoteJid: phone.jid(), fromMe: false }
  await bob.speaker.react(phone, key, '🎉')
  const own = { id: theirs, remoteJid: phone.jid(), fromMe: true }
  const { MESSAGE_EDIT, REVOKE } = protocol.Message.ProtocolMessage.Type
  const editedMessage = { conversation: 'hello' }
  await bob.speaker.send(phone, { protocolMessage: { key: own, type: MESSAGE_EDIT, editedMessage } })
  await bob.speaker.send(phone, { protocolMessage: { key: own, type: REVOKE } })
  await bob.speaker.react(phone, key, '')
  const heard = rig.heard('a')
  await until(() => heard.reactions.length === 2, 'both reactions')
  const bobs = { phone: BOB_JID, lid: bob.jid('lid') }
  expect(heard.messages).toHaveLength(1)
  expect(heard.reactions[0]).toMatchObject({
    emoji: '🎉',
    sender: bobs,
    target: { whatsappId, fromMe: true, sender: { phone: phone.jid() } },
  })
  expect(heard.reactions[1]).toMatchObject({ emoji: '' })
  expect(heard.edits).toMatchObject([
    { target: { whatsappId: theirs, fromMe: false, sender: bobs }, content: { type: 'text', text: 'hello' } },
  ])
  expect(heard.deletes).toMatchObject([{ target: { whatsappId: theirs, fromMe: false, sender: bobs } }])
  expect(rig.retries + rig.undecryptable).toBe(0)
})

test('reads and typing reach the contact; who is on WhatsApp is answered with both names', async () => {
  const { phone, bob } = await linked()
  const { events } = rig.sandbox.simulator
  const receipts: { ids: string[]; type: string }[] = []
  const states: string[] = []
  events.on('receipt', receipt => receipts.push(receipt))
  events.on('chatstate', ({ state }) => states.push(state))
  const ids = [await bob.speaker.text(phone, 'one'), await bob.speaker.text(phone, 'two')]
  await until(() => rig.heard('a').messages.length === 2, 'the messages')
  const read = { chat: BOB_JID, sender: BOB_JID, whatsappIds: ids }
  expect(await rig.whatsapp.markRead('a', read)).toEqual({ kind: 'written' })
  await until(() => receipts.some(({ type }) => type === 'read'), 'the receipt')
  expect(receipts.find(({ type }) => type === 'read')!.ids).toEqual(ids)
  for (const state of ['composing', 'recording', 'paused'] as const)
    expect(await rig.whatsapp.presence('a', { chat: BOB_JID, state })).toEqual({ kind: 'written' })
  await until(() => states.length === 3, 'the states')
  expect(states).toEqual(['composing', 'recording', 'paused'])

  const asked = [BOB, '5511900000004', `+${CAROL}`]
  const answer = await rig.whatsapp.lookUp('a', asked)
  if (answer.kind !== 'answered') throw new Error(answer.kind)
  expect(answer.found.map(({ phone: number }) => number).sort()).toEqual([BOB, CAROL])
  expect(answer.found.find(({ phone: number }) => number === BOB)!.address).toMatchObject({ phone: BOB_JID })
  await rig.whatsapp.stop('a')
  for (const call of [
    rig.whatsapp.markRead('a', read),
    rig.whatsapp.presence('a', { chat: BOB_JID, state: 'paused' }),
    rig.whatsapp.lookUp('a', [BOB]),
  ])
    expect(await call).toEqual({ kind: 'not_connected' })
})

test('a contact that asks again gets the message as it was sent, after a restart too; of what is unknown it gets nothing', async () => {
  const { phone, bob, received } = await linked()
  const { whatsappId } = await rig.send('a', BOB, 'once more')
  await until(() => received.length === 1, 'the message')
  await rig.whatsapp.close()
  rig.restart()
  rig.start('a')
  await until(() => rig.state('a') === 'connected', 'the connection')
  const companion = [...phone.companions.values()][0]!
  const ask = (id: string) =>
    companion.deliver({
      tag: 'receipt',
      attrs: { from: bob.jid(), id, type: 'retry', t: '1700000000' },
      content: [{ tag: 'retry', attrs: { count: '1', id, t: '1700000000', v: '1' } }],
    })
  const stanzas: string[] = []
  rig.sandbox.simulator.events.on('clientMessage', (_, { attrs }) => stanzas.push(attrs.id ?? ''))
  ask('3EB0UNKNOWN')
  ask(whatsappId)
  await until(() => received.length === 2, 'the message again')
  expect(received[1]).toMatchObject({ id: whatsappId, text: 'once more', repeated: true })
  expect(stanzas).toEqual([whatsappId])
})
