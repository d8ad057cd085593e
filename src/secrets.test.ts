import { expect, it } from 'vitest'
import { createSecrets, Unopened } from './secrets.ts'

const secrets = createSecrets('a key of the tests, which is long enough')
const sealed = secrets.seal(Buffer.from('plain'), 'table|row|column')

it('opens what it sealed, and seals the same twice differently', () => {
  expect(secrets.open(sealed, 'table|row|column').toString()).toBe('plain')
  expect(secrets.seal(Buffer.from('plain'), 'table|row|column')).not.toEqual(sealed)
  expect(sealed.includes('plain')).toBe(false)
})

it('opens what the previous key sealed, seals nothing under it, and brings it under the present one', () => {
  const old = 'a key of the tests, which is long enough'
  const present = 'another key, which is long enough too'
  const both = createSecrets(present, old)
  expect(both.open(sealed, 'table|row|column').toString()).toBe('plain')
  const fresh = both.seal(Buffer.from('plain'), 'table|row|column')
  expect(() => secrets.open(fresh, 'table|row|column')).toThrow(Unopened)
  const again = both.reseal(sealed, 'table|row|column')!
  expect(createSecrets(present).open(again, 'table|row|column').toString()).toBe('plain')
  expect(both.reseal(again, 'table|row|column')).toBeNull()
  expect(() => both.reseal(sealed, 'table|other|column')).toThrow(Unopened)
  expect(() => createSecrets(present).reseal(sealed, 'table|row|column')).toThrow(Unopened)
  expect(both.macs('x')).toEqual([...createSecrets(present).macs('x'), ...secrets.macs('x')])
})

it('fails closed: another key, another place, any changed bit', () => {
  expect(() => createSecrets('another key, which is long enough too').open(sealed, 'table|row|column')).toThrow()
  expect(() => secrets.open(sealed, 'table|other|column')).toThrow()
  for (let bit = 0; bit < sealed.length * 8; bit += 5) {
    const changed = Buffer.from(sealed)
    changed[bit >> 3]! ^= 1 << (bit & 7)
    expect(() => secrets.open(changed, 'table|row|column')).toThrow()
  }
})
