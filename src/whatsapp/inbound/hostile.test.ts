import { proto } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { decode } from './decode.ts'
import type { Me } from './parties.ts'
import { rawOf } from './raw.ts'

/** What a stranger may write, and what of it comes out: nothing that PostgreSQL refuses, nothing without an end. */

const me: Me = { id: '5511900000001:3@s.whatsapp.net', lid: '9001:3@lid' }
const BOB = '5511900000002@s.whatsapp.net'
const GROUP = { from: '120363@g.us', participant: BOB }

const encoded = (message: proto.IMessage): Buffer => Buffer.from(proto.Message.encode(message).finish())
const decodedOf = (plain: Buffer, stanza: Record<string, string> = {}) =>
  decode(
    { inboxKey: 'k', stanza: { id: 'ID', t: '1', from: BOB, ...stanza }, plain: Buffer.concat([plain, Buffer.of(1)]) },
    me,
  )
const newsOf = (message: proto.IMessage, stanza: Record<string, string> = {}) => {
  const decoded = decodedOf(encoded(message), stanza)
  return decoded && 'news' in decoded ? decoded.news : null
}

/** All the text of a value; throws where it has no JSON. */
const textIn = (value: unknown): string => JSON.stringify(value)
const UNSTORABLE = /\\u0000|\\ud[89a-f]/

const field = (tag: number[], content: Buffer): Buffer => {
  const length: number[] = []
  for (let left = content.length; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.concat([Buffer.from([...tag, ...length, left]), content])
    length.push((left & 127) | 128)
  }
}

/** `ephemeralMessage.message`, so many times. */
function nested(depth: number): Buffer {
  let message: Buffer = encoded({ conversation: 'deep' })
  for (let i = 0; i < depth; i++) message = field([0xc2, 0x02], field([0x0a], message))
  return message
}

test.each([10, 100, 1000, 3000, 10_000])('a message %i deep is told, with a raw form that can be stored', depth => {
  const decoded = decodedOf(nested(depth))
  expect(decoded).toMatchObject({ kind: 'message', news: { content: { type: expect.any(String) } } })
  expect(textIn(decoded).length).toBeLessThan(10_000)
})

test('half characters and NUL do not come out of any field', () => {
  const half = Buffer.concat([Buffer.from('a\0'), Buffer.of(0xed, 0xa0, 0x80), Buffer.from('b')])
  const texts = [
    field([0x0a], half), // conversation
    field([0x32], field([0x0a], half)), // extendedTextMessage.text
    field([0x22], Buffer.concat([field([0x0a], half), field([0x82, 0x01], half)])), // contactMessage
    field([0x2a], field([0x1a], half)), // locationMessage.name
  ]
  for (const plain of texts) {
    const decoded = decodedOf(plain)
    expect(decoded).toMatchObject({ kind: 'message' })
    expect(textIn(decoded)).not.toMatch(UNSTORABLE)
  }
  const cut = newsOf({ documentMessage: { fileName: `${'x'.repeat(254)}😀.pdf`, caption: `${'y'.repeat(131_071)}😀` } })
  expect(textIn(cut)).not.toMatch(UNSTORABLE)
})

test('a jid with a NUL, or one that is endless, names nobody', () => {
  const bad = ['5511\u0000@lid', `${'9'.repeat(5000)}@s.whatsapp.net`, 'a b@g.us', '@lid', '1@lid\u0000']
  const text = { text: 'hi', contextInfo: { mentionedJid: [...bad, BOB], stanzaId: `S\u0000${'x'.repeat(9000)}` } }
  const news = newsOf({ extendedTextMessage: text })
  expect(news).toMatchObject({ mentions: [BOB], quotedWhatsappId: expect.stringMatching(/^.{1,255}$/) })
  for (const participant of bad) {
    const key = { id: 'T\u0000', fromMe: false, participant }
    expect(newsOf({ reactionMessage: { key, text: '👍' } }, GROUP)).toMatchObject({
      target: { whatsappId: 'T', sender: null },
    })
  }
})

test('an id of a message that is no key is made one', () => {
  for (const id of ['\u0000', `I${'x'.repeat(9000)}`]) {
    expect(newsOf({ conversation: 'hi' }, { id })).toMatchObject({
      whatsappId: expect.stringMatching(/^[\w ]{1,255}$/),
    })
  }
  const key = { id: 'x'.repeat(9000), fromMe: true }
  expect(newsOf({ reactionMessage: { key, text: '👍' } })).toMatchObject({ target: { whatsappId: 'x'.repeat(255) } })
})

test('a message of millions of bytes is as long as people write, and so is its raw form', () => {
  const news = newsOf({ conversation: 'w'.repeat(3_000_000) })
  expect(news).toMatchObject({ content: { type: 'text', text: 'w'.repeat(131_072) } })
  expect(textIn(news).length).toBeLessThan(200_000)
  const long = { list: Array.from({ length: 1_000_000 }, () => 'x'), bytes: Buffer.alloc(4_000_000) }
  expect(textIn(rawOf(long)).length).toBeLessThan(1_100_000)
})

test('the raw form of an ordinary message is whole', () => {
  const context = { stanzaId: 'Q', participant: BOB, quotedMessage: { conversation: 'before' } }
  const message = { extendedTextMessage: { text: 'hi', contextInfo: context } }
  expect(newsOf(message)).toMatchObject({ raw: message })
})
