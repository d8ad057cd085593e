import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { contentOf, decode, type Me } from './decode.ts'

const me: Me = { id: '5511900000001:3@s.whatsapp.net', lid: '9001:3@lid' }
const BOB = { lid: '9002@lid', phone: '5511900000002@s.whatsapp.net' }
const ME = { lid: '9001@lid', phone: '5511900000001@s.whatsapp.net' }

/** One byte of padding, as the protocol puts it. */
const padded = (message: proto.IMessage) => Buffer.concat([proto.Message.encode(message).finish(), Buffer.from([1])])

const read = (stanza: Record<string, string>, message: proto.IMessage = { conversation: 'hi' }) =>
  decode({ inboxKey: 'k', stanza: { id: 'ID', t: '1700000000', ...stanza }, plain: padded(message) }, me)

test('a message addressed by phone number carries the LID of its stanza, and the other way round', () => {
  const byPhone = read({ from: '5511900000002:5@s.whatsapp.net', sender_lid: '9002:5@lid', notify: 'Bob' })
  expect(byPhone).toEqual({
    inboxKey: 'k',
    whatsappId: 'ID',
    chat: { jid: BOB.phone, ...BOB },
    sender: { jid: BOB.phone, ...BOB },
    fromMe: false,
    pushName: 'Bob',
    timestamp: new Date(1_700_000_000_000),
    content: { type: 'text', text: 'hi' },
  })
  const byLid = read({ from: '9002@lid', sender_pn: BOB.phone, addressing_mode: 'lid' })
  expect(byLid).toMatchObject({ chat: { jid: BOB.lid, ...BOB }, pushName: null })
})

test('a copy of what another device of ours sent is in the chat it was sent to', () => {
  const sent = { deviceSentMessage: { destinationJid: BOB.phone, message: { conversation: 'hi' } } }
  const stanza = { from: '5511900000001@s.whatsapp.net', sender_lid: '9001@lid' }
  const expected = { fromMe: true, chat: BOB, sender: ME, content: { type: 'text', text: 'hi' } }
  expect(read({ ...stanza, recipient: BOB.phone, recipient_lid: BOB.lid }, sent)).toMatchObject(expected)
  expect(read(stanza, sent)).toMatchObject({ fromMe: true, chat: { jid: BOB.phone, lid: null } })
  expect(
    read({ from: '9001@lid', sender_pn: ME.phone, recipient: BOB.lid, peer_recipient_pn: BOB.phone }, sent),
  ).toMatchObject(expected)
})

test('a note to oneself is in the chat with oneself', () => {
  expect(read({ from: ME.phone, sender_lid: ME.lid, recipient: ME.phone })).toMatchObject({ fromMe: true, chat: ME })
})

test('in a group the participant is the sender', () => {
  const group = { from: '120363@g.us', participant: '9002:1@lid', participant_pn: BOB.phone }
  expect(read(group)).toMatchObject({
    chat: { jid: '120363@g.us', lid: null, phone: null },
    sender: BOB,
    fromMe: false,
  })
  expect(read({ ...group, participant: '9001:2@lid' })).toMatchObject({ fromMe: true })
})

test('keys, protocol notes, peer traffic, statuses and newsletters are no messages', () => {
  const from = BOB.phone
  expect(read({ from }, { senderKeyDistributionMessage: { groupId: 'g' } })).toBe(null)
  expect(read({ from }, { protocolMessage: { type: 0 } })).toBe(null)
  expect(read({ from }, { messageContextInfo: { messageSecret: Buffer.alloc(32) } })).toBe(null)
  expect(read({ from, category: 'peer' })).toBe(null)
  expect(read({ from: 'status@broadcast', participant: from })).toBe(null)
  expect(read({ from: '1@newsletter' })).toBe(null)
  expect(decode({ inboxKey: 'k', stanza: {}, plain: padded({ conversation: 'x' }) }, me)).toBe(null)
})

test('what cannot be parsed is told as unreadable, not dropped', () => {
  const row = { inboxKey: 'k', stanza: { id: 'ID', from: BOB.phone, t: '1' }, plain: Buffer.from([255, 255, 255, 1]) }
  expect(decode(row, me)).toMatchObject({ content: { type: 'unsupported', kind: 'unreadable' } })
})

test('text comes out of every wrapper; other kinds keep their own name', () => {
  const text = { extendedTextMessage: { text: 'hi' } }
  expect(contentOf(text)).toEqual({ type: 'text', text: 'hi' })
  expect(contentOf({ ephemeralMessage: { message: { viewOnceMessageV2: { message: text } } } })).toEqual({
    type: 'text',
    text: 'hi',
  })
  expect(contentOf({ documentWithCaptionMessage: { message: { documentMessage: {} } } })).toEqual({
    type: 'unsupported',
    kind: 'documentMessage',
  })
  expect(contentOf({ messageContextInfo: {}, reactionMessage: { text: '👍' } })).toEqual({
    type: 'unsupported',
    kind: 'reactionMessage',
  })
  expect(contentOf({})).toBe(null)
})
