import { proto } from '@whiskeysockets/baileys'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { onDelete } from '../../src/resolvers/messages/onEdit.ts'
import { onMessage } from '../../src/resolvers/messages/onMessage.ts'
import { onReaction } from '../../src/resolvers/messages/onReaction.ts'
import { decode } from '../../src/whatsapp/inbound/decode.ts'
import { type Caller, connectedInstance, type Json, openTestApp, type TestApp } from '../support/app.ts'
import { rowsOf } from '../support/auth.ts'

/** What strangers write, from the plaintext that the inbox has to the API. */

let wataki: TestApp
let acme: Caller
let bot: string

beforeAll(async () => {
  wataki = await openTestApp()
  acme = await wataki.tenant()
  bot = await connectedInstance(acme)
  await wataki.app.db.sql.query(`update instance set emit_raw = true where id = $1`, [bot])
})
afterAll(() => wataki.close())

const REVOKE = proto.Message.ProtocolMessage.Type.REVOKE
const me = { id: '5511900000001@s.whatsapp.net', lid: '9001@lid' }
const jid = (digits: string) => `${digits}@s.whatsapp.net`

/** As the session would tell it. */
async function hear(message: proto.IMessage | Buffer, stanza: Record<string, string>): Promise<void> {
  const bytes = Buffer.isBuffer(message) ? message : proto.Message.encode(message).finish()
  const plain = Buffer.concat([bytes, Buffer.of(1)])
  const told = decode({ inboxKey: 'aa', stanza: { t: '1700000000', id: 'ID', ...stanza }, plain }, me)
  const { app } = wataki
  if (told?.kind === 'message') await onMessage(app, bot, told.news)
  else if (told?.kind === 'reaction') await onReaction(app, bot, told.news)
  else if (told?.kind === 'delete') await onDelete(app, bot, told.news)
  else throw new Error('nothing is told')
}

const messagesOf = async (chat: string): Promise<Json[]> =>
  (await acme.get(`/v1/instances/${bot}/messages?chat_id=${encodeURIComponent(chat)}`)).body.data

describe('a message that PostgreSQL could stumble over', () => {
  it('is stored, with what can be of it', async () => {
    const bob = jid('5511999990101')
    const half = Buffer.concat([Buffer.from([0x0a, 6]), Buffer.from('a\0b'), Buffer.of(0xed, 0xa0, 0x80)])
    await hear(half, { from: bob, id: 'HALF' })
    const contextInfo = { mentionedJid: ['1\0@lid', bob], stanzaId: 'Q\0' }
    await hear({ extendedTextMessage: { text: 'hi', contextInfo } }, { from: bob, id: 'MENTION', notify: 'B\0b' })
    await hear({ conversation: 'long id' }, { from: bob, id: 'I'.repeat(9000) })
    const key = { id: `T\0${'x'.repeat(9000)}`, fromMe: false, participant: '5\0@lid' }
    await hear({ reactionMessage: { key, text: '\0' } }, { from: bob, id: 'REACTION' })
    const texts = (await messagesOf(bob)).map(({ type, content }) => content.text ?? type)
    expect(texts).toEqual(['unsupported', 'long id', 'hi', expect.stringMatching(/^ab.{1,3}$/)])
  })
})

describe('what the database refuses all the same', () => {
  it('is kept as a message of an unsupported kind, and not told again and again', async () => {
    const bob = jid('5511999990102')
    const plain = Buffer.concat([proto.Message.encode({ conversation: 'x' }).finish(), Buffer.of(1)])
    const stanza = { t: '1700000000', id: 'REFUSED', from: bob }
    const told = decode({ inboxKey: 'bb', stanza, plain }, me)
    if (told?.kind !== 'message') throw new Error('nothing is told')
    await onMessage(wataki.app, bot, { ...told.news, content: { type: 'text', text: 'a\0b' } })
    expect(await messagesOf(bob)).toMatchObject([{ type: 'unsupported', content: { kind: 'unstorable' } }])
  })
})

describe('deleting in a group', () => {
  const [bob, eve] = [jid('5511999990201'), jid('5511999990202')]
  const revoke = (participant: string) => ({
    protocolMessage: { type: REVOKE, key: { id: 'BOBS', fromMe: false, participant } },
  })
  const deletedAt = async (group: string) => {
    const [row] = await rowsOf(
      wataki,
      `select deleted_at from message join chat on chat.id = message.chat
       where chat.group_jid = $1 and whatsapp_id = 'BOBS' and type = 'text'`,
      [group],
    )
    return row.deleted_at
  }

  it('what another member wrote stays, whatever the key says', async () => {
    const group = '120363000000000201@g.us'
    await hear({ conversation: 'mine' }, { from: group, participant: bob, id: 'BOBS' })
    for (const named of [bob, eve]) await hear(revoke(named), { from: group, participant: eve, id: `FORGED ${named}` })
    // Of an admin, but not whose message it is.
    await hear(revoke(eve), { from: group, participant: eve, id: 'ADMIN', edit: '8' })
    expect(await deletedAt(group)).toBe(null)
  })

  it('is for who wrote it, and for an admin who names them', async () => {
    const [own, other] = ['120363000000000202@g.us', '120363000000000203@g.us']
    for (const from of [own, other]) await hear({ conversation: 'mine' }, { from, participant: bob, id: 'BOBS' })
    await hear(revoke(bob), { from: own, participant: bob, id: 'OWN' })
    await hear(revoke(bob), { from: other, participant: eve, id: 'ADMIN', edit: '8' })
    expect([await deletedAt(own), await deletedAt(other)]).toEqual([expect.any(Date), expect.any(Date)])
  })
})
