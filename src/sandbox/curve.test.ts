import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { agree, newKeyPair, newSigningKeyPair, sign, verifySignature } from './curve.ts'

test('both sides of an agreement come to the same secret, for either kind of pair', () => {
  const [a, b] = [newKeyPair(), newSigningKeyPair()]
  expect(agree(a.private, b.public)).toEqual(agree(b.private, a.public))
})

test('a signature holds for its key and message alone', () => {
  for (let i = 0; i < 50; i++) {
    const pair = newSigningKeyPair()
    const message = randomBytes(40)
    const signature = sign(pair, message)
    expect(verifySignature(pair.public, message, signature)).toBe(true)
    expect(verifySignature(newKeyPair().public, message, signature)).toBe(false)
    expect(verifySignature(pair.public, Buffer.concat([message, Buffer.alloc(1)]), signature)).toBe(false)
    const flipped = Buffer.from(signature)
    flipped[i]! ^= 1 << (i % 8)
    expect(verifySignature(pair.public, message, flipped)).toBe(false)
    const otherSign = Buffer.from(signature)
    otherSign[63]! ^= 0x80
    expect(verifySignature(pair.public, message, otherSign)).toBe(false)
  }
})

test('what is no key or no signature is refused', () => {
  const pair = newSigningKeyPair()
  expect(verifySignature(pair.public, Buffer.alloc(3), Buffer.alloc(64))).toBe(false)
  expect(verifySignature(pair.public, Buffer.alloc(3), Buffer.alloc(63))).toBe(false)
  expect(verifySignature(Buffer.alloc(31), Buffer.alloc(3), Buffer.alloc(64))).toBe(false)
})
