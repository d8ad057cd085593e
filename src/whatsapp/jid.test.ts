import { expect, test } from 'vitest'
import { addressOf, parseJid, phoneNumberOf, plainJid, sameUser } from './jid.ts'

test('a device number and an agent are no part of who someone is', () => {
  expect(plainJid('5511900000001:7@s.whatsapp.net')).toBe('5511900000001@s.whatsapp.net')
  expect(plainJid('5511900000001_1:7@lid')).toBe('5511900000001@lid')
  expect(plainJid('123-456@g.us')).toBe('123-456@g.us')
  expect(sameUser('1:3@lid', '1@lid')).toBe(true)
  expect(sameUser('1@lid', '1@s.whatsapp.net')).toBe(false)
  expect(sameUser(null, undefined)).toBe(false)
})

test('the other names of the servers of people are theirs', () => {
  expect(plainJid('55119@c.us')).toBe('55119@s.whatsapp.net')
  expect(plainJid('55119:99@hosted')).toBe('55119@s.whatsapp.net')
  expect(plainJid('9:99@hosted.lid')).toBe('9@lid')
})

test('what is no id is null', () => {
  for (const text of [undefined, '', '@s.whatsapp.net', 'nobody', 'a@']) expect(parseJid(text)).toBe(null)
})

test('an address carries both names, whichever came first', () => {
  const both = { lid: '9@lid', phone: '55119@s.whatsapp.net' }
  expect(addressOf('55119:2@s.whatsapp.net', '9:2@lid')).toEqual({ jid: '55119@s.whatsapp.net', ...both })
  expect(addressOf('9@lid', '55119@s.whatsapp.net')).toEqual({ jid: '9@lid', ...both })
  expect(addressOf('1@g.us')).toEqual({ jid: '1@g.us', lid: null, phone: null })
})

test('only a phone jid has a phone number', () => {
  expect(phoneNumberOf('5511900000001:3@s.whatsapp.net')).toBe('+5511900000001')
  expect(phoneNumberOf('9@lid')).toBe(null)
})
