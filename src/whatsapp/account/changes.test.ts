import { expect, test } from 'vitest'
import { chatOf, contactOf, groupOf, seenChatOf } from './changes.ts'

const BOB = { phone: '5511900000002@s.whatsapp.net', lid: '9002@lid' }

test('settings of a chat are told in dates, and "for ever" as far ahead', () => {
  expect(chatOf({ id: BOB.lid, archived: true, pinned: 1_700_000_000_000, muteEndTime: 1_700_000_000_000 })).toEqual({
    chat: { jid: BOB.lid, lid: BOB.lid, phone: null },
    archived: true,
    pinnedAt: new Date(1_700_000_000_000),
    mutedUntil: new Date(1_700_000_000_000),
  })
  expect(chatOf({ id: BOB.lid, archived: false, pinned: null, muteEndTime: -1 })).toMatchObject({
    archived: false,
    pinnedAt: null,
    mutedUntil: new Date('9999-12-31T23:59:59Z'),
  })
  expect(chatOf({ id: '1203@g.us', name: 'Team' })).toMatchObject({ name: 'Team' })
})

test('what a message does to its chat is no news of the chat, nor are statuses and newsletters', () => {
  expect(chatOf({ id: BOB.phone, conversationTimestamp: 1, unreadCount: 1 })).toBe(null)
  expect(chatOf({ id: BOB.phone, name: 'Bob' })).toBe(null)
  expect(chatOf({ id: 'status@broadcast', archived: true })).toBe(null)
  expect(chatOf({ id: '1@newsletter', archived: true })).toBe(null)
  expect(chatOf({ archived: true })).toBe(null)
})

test('only a chat without unread messages was seen', () => {
  expect(seenChatOf({ id: BOB.lid, unreadCount: 0 })).toMatchObject({ jid: BOB.lid })
  for (const unreadCount of [1, -1, null, undefined])
    expect(seenChatOf({ id: BOB.lid, unreadCount } as never)).toBe(null)
})

test('a contact is told by both of its names when they are known', () => {
  const both = { jid: BOB.phone, ...BOB }
  expect(contactOf({ id: BOB.phone, lid: BOB.lid, name: 'Bob' })).toEqual({ contact: both, name: 'Bob' })
  expect(contactOf({ id: BOB.lid, phoneNumber: BOB.phone })).toEqual({ contact: { ...both, jid: BOB.lid } })
  expect(contactOf({ id: BOB.phone, notify: 'B\0ob\n', verifiedName: 'Bob Ltd' })).toMatchObject({
    pushName: 'B ob',
    verifiedName: 'Bob Ltd',
  })
  expect(contactOf({ id: BOB.phone, imgUrl: 'changed' })).toBe(null)
  expect(contactOf({ id: '1203@g.us', notify: 'x' })).toBe(null)
})

test('a group is told as a whole', () => {
  const participants = [
    { id: BOB.lid, phoneNumber: BOB.phone, admin: 'superadmin' as const },
    { id: '9003@lid', admin: null },
  ]
  const group = { id: '1203@g.us', subject: 'Team', owner: BOB.lid, ownerPn: BOB.phone, desc: 'us', restrict: true }
  expect(groupOf({ ...group, participants, creation: 1_700_000_000 })).toEqual({
    jid: '1203@g.us',
    subject: 'Team',
    description: 'us',
    owner: { jid: BOB.lid, ...BOB },
    announce: false,
    locked: true,
    participants: [
      { address: { jid: BOB.lid, ...BOB }, role: 'superadmin' },
      { address: { jid: '9003@lid', lid: '9003@lid', phone: null }, role: 'member' },
    ],
    createdAt: new Date(1_700_000_000_000),
    joined: true,
  })
})
