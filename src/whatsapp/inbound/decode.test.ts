import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { contentOf } from './content.ts'
import { decode } from './decode.ts'
import type { Me } from './parties.ts'

const me: Me = { id: '5511900000001:3@s.whatsapp.net', lid: '9001:3@lid' }
const BOB = { lid: '9002@lid', phone: '5511900000002@s.whatsapp.net' }
const ME = { lid: '9001@lid', phone: '5511900000001@s.whatsapp.net' }

/** One byte of padding, as the protocol puts it. */
const padded = (message: proto.IMessage) => Buffer.concat([proto.Message.encode(message).finish(), Buffer.from([1])])

const read = (stanza: Record<string, string>, message: proto.IMessage = { conversation: 'hi' }) => {
  const row = { inboxKey: 'k', stanza: { id: 'ID', t: '1700000000', ...stanza }, plain: padded(message) }
  const decoded = decode(row, me)
  return decoded && 'news' in decoded ? decoded.news : decoded
}
const kindOf = (stanza: Record<string, string>, message: proto.IMessage) => {
  const row = { inboxKey: 'k', stanza: { id: 'ID', t: '1700000000', ...stanza }, plain: padded(message) }
  return decode(row, me)?.kind
}

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
    quotedWhatsappId: null,
    mentions: [],
    raw: { conversation: 'hi' },
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
  expect(decode(row, me)).toMatchObject({
    kind: 'message',
    news: { content: { type: 'unsupported', kind: 'unreadable' }, raw: {} },
  })
})

test('text comes out of every wrapper; other kinds keep their own name', () => {
  const text = { extendedTextMessage: { text: 'hi' } }
  expect(contentOf(text)).toEqual({ type: 'text', text: 'hi' })
  expect(contentOf({ ephemeralMessage: { message: { viewOnceMessageV2: { message: text } } } })).toEqual({
    type: 'text',
    text: 'hi',
  })
  expect(contentOf({ pollCreationMessageV3: { name: 'which?' } })).toEqual({
    type: 'unsupported',
    kind: 'pollCreationMessageV3',
  })
  expect(contentOf({})).toBe(null)
})

const KEY = { id: 'T', remoteJid: BOB.phone }
const GROUP = { from: '120363@g.us', participant: '9002:1@lid', participant_pn: BOB.phone }
const REVOKE = proto.Message.ProtocolMessage.Type.REVOKE
const EDIT = proto.Message.ProtocolMessage.Type.MESSAGE_EDIT

test('a reaction names its message as its writer sees it', () => {
  const react = (stanza: Record<string, string>, key: proto.IMessageKey, text = '👍') =>
    read(stanza, { reactionMessage: { key, text } })
  expect(react({ from: BOB.phone }, { ...KEY, fromMe: false })).toMatchObject({
    emoji: '👍',
    target: { whatsappId: 'T', fromMe: true, sender: ME },
  })
  expect(react({ from: BOB.phone, sender_lid: BOB.lid }, { ...KEY, fromMe: true }, '')).toMatchObject({
    emoji: '',
    target: { fromMe: false, sender: BOB },
  })
  const own = { from: ME.phone, recipient: BOB.phone, recipient_lid: BOB.lid }
  expect(react(own, { ...KEY, fromMe: false })).toMatchObject({ fromMe: true, target: { fromMe: false, sender: BOB } })
  expect(react(GROUP, { id: 'T', fromMe: false, participant: '9001@lid' })).toMatchObject({ target: { fromMe: true } })
  expect(react(GROUP, { id: 'T', fromMe: false, participant: '9003@lid' })).toMatchObject({
    target: { fromMe: false, sender: { lid: '9003@lid' } },
  })
  expect(react(GROUP, { id: 'T', fromMe: false })).toMatchObject({ target: { fromMe: false, sender: null } })
  expect(react({ from: BOB.phone }, {})).toBe(null)
  expect(kindOf({ from: BOB.phone }, { reactionMessage: { key: KEY, text: '👍' } })).toBe('reaction')
})

test('an edit is of the own message, whatever its key says, in both of its forms', () => {
  const key = { ...KEY, fromMe: false, participant: ME.lid }
  const note = { protocolMessage: { key, type: EDIT, editedMessage: { conversation: 'better' } } }
  for (const message of [note, { editedMessage: { message: note } }]) {
    expect(read({ from: BOB.phone, sender_lid: BOB.lid }, message)).toMatchObject({
      target: { whatsappId: 'T', fromMe: false, sender: BOB },
      content: { type: 'text', text: 'better' },
    })
    expect(kindOf({ from: BOB.phone }, message)).toBe('edit')
  }
})

test('deleted is the own message; that of another only in a group, when the server says it was an admin', () => {
  const revoke = (key: proto.IMessageKey) => ({ protocolMessage: { key, type: REVOKE } })
  const others = { id: 'T', fromMe: false, participant: '9003@lid' }
  expect(read({ from: BOB.phone }, revoke({ ...KEY, fromMe: true }))).toMatchObject({
    target: { whatsappId: 'T', fromMe: false, sender: { phone: BOB.phone } },
  })
  expect(read({ from: BOB.phone, edit: '8' }, revoke({ ...KEY, fromMe: false }))).toMatchObject({
    target: { fromMe: false, sender: { phone: BOB.phone } },
  })
  expect(read({ ...GROUP, edit: '8' }, revoke(others))).toMatchObject({ target: { sender: { lid: '9003@lid' } } })
  expect(read({ ...GROUP, edit: '7' }, revoke(others))).toMatchObject({ target: { sender: BOB } })
  expect(read(GROUP, revoke(others))).toMatchObject({ target: { sender: BOB } })
  expect(kindOf(GROUP, revoke(others))).toBe('delete')
})

test('history is told by the own phone only', () => {
  const note = { type: proto.Message.ProtocolMessage.Type.HISTORY_SYNC_NOTIFICATION, historySyncNotification: {} }
  expect(kindOf({ from: ME.phone, category: 'peer' }, { protocolMessage: note })).toBe('history')
  expect(kindOf({ from: BOB.phone, category: 'peer' }, { protocolMessage: note })).toBe(undefined)
  expect(kindOf({ from: BOB.phone }, { protocolMessage: note })).toBe(undefined)
})

test('a message that the phone was asked for is told as if it had come by itself', () => {
  const resend = (key: proto.IMessageKey) => {
    const info = { key, message: { conversation: 'late' }, messageTimestamp: 1_700_000_000, pushName: 'Bob' }
    const webMessageInfoBytes = proto.WebMessageInfo.encode(info).finish()
    const result = { placeholderMessageResendResponse: { webMessageInfoBytes } }
    const type = proto.Message.ProtocolMessage.Type.PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE
    const answer = { peerDataOperationResult: [result] }
    return { protocolMessage: { type, peerDataOperationRequestResponseMessage: answer } }
  }
  const peer = { from: ME.phone, category: 'peer' }
  const late = {
    content: { type: 'text', text: 'late' },
    timestamp: new Date(1_700_000_000_000),
    raw: { conversation: 'late' },
  }
  expect(read(peer, resend({ ...KEY, fromMe: false }))).toMatchObject({
    ...late,
    whatsappId: 'T',
    chat: { phone: BOB.phone },
    fromMe: false,
    pushName: 'Bob',
  })
  expect(read(peer, resend({ ...KEY, fromMe: true }))).toMatchObject({
    ...late,
    fromMe: true,
    chat: { phone: BOB.phone },
  })
  const inGroup = { id: 'T', remoteJid: '120363@g.us', participant: BOB.lid }
  expect(read(peer, resend(inGroup))).toMatchObject({ ...late, sender: { lid: BOB.lid }, chat: { jid: '120363@g.us' } })
  expect(read({ ...peer, from: BOB.phone }, resend({ ...KEY }))).toBe(null)
})
