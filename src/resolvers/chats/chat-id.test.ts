import { expect, it } from 'vitest'
import { chatJid, phoneDigits, phoneOf } from './chat-id.ts'

it('takes a phone number in international form: 8 to 15 digits, optional +, spaces, dots, hyphens, parentheses', () => {
  for (const written of ['+55 11 99999-9999', '5511999999999', '55 (11) 99999.9999', '+12345678']) {
    expect(phoneDigits(written)).toBe(written.replace(/\D/g, ''))
  }
  for (const written of [
    '1234567',
    '011 99999-9999',
    '0055 11 99999-9999',
    '1234567890123456',
    '+',
    '',
    'abc',
    '55+11999999999',
    '5511999999999\n',
    '٥٥١١٩٩٩٩٩',
    '5511 99999x9999',
  ]) {
    expect(phoneDigits(written), written).toBeNull()
  }
})

it('takes the three jids as they are and makes one of a phone number', () => {
  for (const jid of [
    '5511999999999@s.whatsapp.net',
    '123456789012345@lid',
    '120363000000000001@g.us',
    '5511999999999-1600000000@g.us',
  ]) {
    expect(chatJid(jid)).toBe(jid)
  }
  expect(chatJid('+55 11 99999-9999')).toBe('5511999999999@s.whatsapp.net')
})

it('takes nothing else: no device, no broadcast, no newline, no other server', () => {
  for (const written of [
    '5511999999999:1@s.whatsapp.net',
    '5511999999999@s.whatsapp.net\n',
    'status@broadcast',
    '123@newsletter',
    '5511999999999@c.us',
    'x@s.whatsapp.net',
    '@s.whatsapp.net',
    '5511999999999@s.whatsapp.net,5511999999998@s.whatsapp.net',
    '',
  ]) {
    expect(chatJid(written), written).toBeNull()
  }
})

it('knows the phone number of a phone jid only', () => {
  expect(phoneOf('5511999999999@s.whatsapp.net')).toBe('+5511999999999')
  expect(phoneOf('123456789012345@lid')).toBeNull()
})
