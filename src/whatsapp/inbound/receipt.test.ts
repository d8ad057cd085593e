import { expect, test } from 'vitest'
import type { Me } from './decode.ts'
import { readReceipt } from './receipt.ts'

const me: Me = { id: '5511900000001:3@s.whatsapp.net', lid: '9001:3@lid' }
const read = (attrs: Record<string, string>, content?: object[]) =>
  readReceipt(
    { tag: 'receipt', attrs: { id: 'A', from: '9002@lid', t: '1700000000', ...attrs }, content: content as never },
    me,
  )

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
