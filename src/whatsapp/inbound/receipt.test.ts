import { expect, test } from 'vitest'
import type { Me } from './parties.ts'
import { readReceipts, readSeen } from './receipt.ts'

const me: Me = { id: '5511900000001:3@s.whatsapp.net', lid: '9001:3@lid' }
const stanza = (attrs: Record<string, string>, content?: object[]) => ({
  tag: 'receipt',
  attrs: { id: 'A', from: '9002@lid', t: '1700000000', ...attrs },
  content: content as never,
})
const read = (attrs: Record<string, string>, content?: object[]) => readReceipts(stanza(attrs, content), me)[0] ?? null

test('no type is delivered, read and played are read', () => {
  expect(read({})).toMatchObject({ status: 'delivered', whatsappIds: ['A'], chat: '9002@lid', reader: '9002@lid' })
  expect(read({ type: 'inactive' })).toMatchObject({ status: 'delivered' })
  expect(read({ type: 'read' })).toMatchObject({ status: 'read', timestamp: new Date(1_700_000_000_000) })
  expect(read({ type: 'played' })).toMatchObject({ status: 'read' })
})

test('one receipt may list many messages', () => {
  const list = [
    {
      tag: 'list',
      attrs: {},
      content: [
        { tag: 'item', attrs: { id: 'B' } },
        { tag: 'item', attrs: { id: 'C' } },
      ],
    },
  ]
  expect(read({ type: 'read' }, list)?.whatsappIds).toEqual(['A', 'B', 'C'])
})

test('in a group the participant is the reader', () => {
  const group = { from: '120363@g.us', participant: '9002:1@lid', participant_pn: '55119@s.whatsapp.net' }
  expect(read(group)).toMatchObject({ chat: '120363@g.us', reader: '9002:1@lid', readerAlias: '55119@s.whatsapp.net' })
  expect(read({ from: '120363@g.us' })).toBe(null)
})

test('what our own devices, retries and peers say is no receipt of a contact', () => {
  for (const type of ['retry', 'sender', 'read-self', 'peer_msg', 'hist_sync', 'server-error'])
    expect(read({ type })).toBe(null)
  expect(read({ from: '9001:0@lid' })).toBe(null)
  expect(read({ from: '5511900000001@s.whatsapp.net' })).toBe(null)
  expect(read({ recipient: '9003@lid' })).toBe(null)
  expect(read({ from: '120363@g.us', participant: '9001:2@lid' })).toBe(null)
})

test('what the server gathers of a big group is one receipt per reader', () => {
  const users = [
    { tag: 'user', attrs: { jid: '9002@lid', t: '1700000001' } },
    { tag: 'user', attrs: { jid: '9003:2@lid' } },
    { tag: 'user', attrs: { jid: '9001:1@lid' } },
  ]
  const gathered = stanza({ from: '120363@g.us', type: 'read' }, [
    { tag: 'participants', attrs: { key: 'M' }, content: users },
  ])
  expect(readReceipts(gathered, me)).toMatchObject([
    { whatsappIds: ['M'], reader: '9002@lid', chat: '120363@g.us', timestamp: new Date(1_700_000_001_000) },
    { whatsappIds: ['M'], reader: '9003:2@lid', timestamp: new Date(1_700_000_000_000) },
  ])
})

test('what this account has read on its phone is told with its chat; what others read is not that', () => {
  const seen = (attrs: Record<string, string>, content?: object[]) => readSeen(stanza(attrs, content), me)
  const own = { from: '5511900000001@s.whatsapp.net', recipient: '9002@lid' }
  const list = [{ tag: 'list', attrs: {}, content: [{ tag: 'item', attrs: { id: 'B' } }] }]
  expect(seen({ ...own, type: 'read' }, list)).toEqual({ chat: '9002@lid', whatsappIds: ['A', 'B'] })
  expect(seen({ ...own, type: 'read-self' })).toEqual({ chat: '9002@lid', whatsappIds: ['A'] })
  expect(seen({ from: '9002@lid', type: 'read-self' })).toMatchObject({ chat: '9002@lid' })
  expect(seen({ from: '1203@g.us', participant: '9001:0@lid', type: 'read' })).toMatchObject({ chat: '1203@g.us' })
  expect(seen({ from: '9002@lid', type: 'read' })).toBe(null)
  expect(seen({ ...own })).toBe(null)
  expect(seen({ ...own, recipient: 'status@broadcast', type: 'read' })).toBe(null)
})

test('a time that is none is the beginning of time, not an error', () => {
  expect(read({ t: 'x' })?.timestamp).toEqual(new Date(0))
  expect(read({ t: '9'.repeat(30) })?.timestamp).toEqual(new Date(0))
})
