import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { Curve } from '@whiskeysockets/baileys'
import { expect, test } from 'vitest'
import { verifySignature } from './trust.ts'

test('a signature of the key is accepted, with and without the type byte', () => {
  for (let i = 0; i < 20; i++) {
    const { public: publicKey, private: privateKey } = Curve.generateKeyPair()
    const message = randomBytes(1 + i * 7)
    const signature = Curve.sign(privateKey, message)
    expect(verifySignature(publicKey, message, signature)).toBe(true)
    expect(verifySignature(Buffer.concat([Buffer.from([5]), publicKey]), message, signature)).toBe(true)
  }
})

test('a flipped bit, another message, another key and noise are refused', () => {
  const { public: publicKey, private: privateKey } = Curve.generateKeyPair()
  const other = Curve.generateKeyPair().public
  const message = randomBytes(64)
  const signature = Buffer.from(Curve.sign(privateKey, message))
  for (let bit = 0; bit < 512; bit += 7) {
    const flipped = Buffer.from(signature)
    flipped[bit >> 3]! ^= 1 << (bit & 7)
    expect(verifySignature(publicKey, message, flipped)).toBe(false)
  }
  expect(verifySignature(publicKey, Buffer.concat([message, Buffer.from([0])]), signature)).toBe(false)
  expect(verifySignature(other, message, signature)).toBe(false)
  expect(verifySignature(publicKey, message, randomBytes(64))).toBe(false)
  expect(verifySignature(publicKey, message, signature.subarray(1))).toBe(false)
  expect(verifySignature(Buffer.alloc(0), message, signature)).toBe(false)
})

test('keys of node itself are judged alike', () => {
  const { publicKey } = generateKeyPairSync('x25519')
  const raw = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32)
  expect(verifySignature(raw, Buffer.from('x'), Buffer.alloc(64))).toBe(false)
})
