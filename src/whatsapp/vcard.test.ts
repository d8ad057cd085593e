import { expect, test } from 'vitest'
import { readVcard, writeVcard } from './vcard.ts'

const NASTY = [
  'Bob\nTEL;waid=5511900000099:+5511900000099',
  'Bob\r\nEND:VCARD\r\nBEGIN:VCARD\r\nFN:Eve',
  'Bob\rTEL:+1',
  'a;b:c,d\\e',
  'back\\',
  'NUL\0TEL:+1',
  'next\u0085line\u2028sep\u2029par\vtab\ffeed',
  'x\n TEL:+1',
  '\u202Eevil',
  "=HYPERLINK('x')",
]

test('whatever a name holds, the card has the fields it should have, each once, and the right number', () => {
  for (const name of NASTY) {
    const card = writeVcard({ name, phone: '+55 11 98888-0001' })
    const labels = card.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/).map(line => line.split(/[;:]/)[0])
    expect(labels, name).toEqual(['BEGIN', 'VERSION', 'N', 'FN', 'TEL', 'END'])
    expect(card).not.toContain('\0')
    expect(readVcard(card).phone, name).toBe('+5511988880001')
    // Family name, given name, and three that stay empty.
    const parts = card
      .split('\n')[2]!
      .slice('N:'.length)
      .split(/(?<!(?<!\\)(?:\\\\)*\\);/)
    expect(
      parts.map(part => part !== ''),
      name,
    ).toEqual([false, true, false, false, false])
  }
})

test('a name comes back as it was; line ends as spaces', () => {
  for (const name of ['Zoë 🎉', 'a;b:c,d', 'back\\', '\\n', 'عمر', 'x\\;y'])
    expect(readVcard(writeVcard({ name, phone: '+5511988880001' }))).toEqual({ name, phone: '+5511988880001' })
  expect(readVcard(writeVcard({ name: 'a\nb', phone: '+5511988880001' })).name).toBe('a b')
})

test('a number cannot bring fields of its own', () => {
  expect(writeVcard({ name: 'x', phone: '+1\nFN:Eve' })).toContain('waid=1:+1\n')
})

test("strangers' cards: folded, grouped, without a waid, or no card at all", () => {
  expect(readVcard('BEGIN:VCARD\r\nFN:A very\r\n  long name\r\nitem1.TEL:+55 11 5555\r\nEND:VCARD')).toEqual({
    name: 'A very long name',
    phone: '+55115555',
  })
  expect(readVcard('N:Silva;Ana;;;\nTEL:(11) 5555\nTEL;waid=551199:x')).toEqual({ name: 'Silva Ana', phone: '+551199' })
  expect(readVcard('TEL:(11) 5555').phone).toBe('115555')
  expect(readVcard('nothing of the kind')).toEqual({ name: null, phone: null })
  expect(readVcard(`${'\n'.repeat(1_000_000)}FN:late`)).toEqual({ name: null, phone: null })
})
