import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { describe, expect, it } from 'vitest'
import { newSecret, signedHeaders } from './sign.ts'

const nowSeconds = () => Math.floor(Date.now() / 1000)
const sign = (body: string, secrets: string[], id = 'evt_1') =>
  signedHeaders({ id, timestampSeconds: nowSeconds(), body, secrets })

/** Any code points, whole, in JSON as webhooks carry it. */
const payloads = (count: number): string[] =>
  fc
    .sample(fc.string({ unit: 'binary', maxLength: 300 }), { numRuns: count, seed: 20_260_401 })
    .map(text => JSON.stringify({ text }))

/** The verifier throws for what it does not take. */
function verifies(webhook: Webhook, body: string | Buffer, headers: Record<string, string>): boolean {
  try {
    webhook.verify(body, headers)
    return true
  } catch {
    return false
  }
}

function opensslHmac(key: string, body: string): string {
  const hexKey = Buffer.from(key).toString('hex')
  const told = execFileSync('openssl', ['dgst', '-sha256', '-mac', 'HMAC', '-macopt', `hexkey:${hexKey}`], {
    input: body,
    encoding: 'utf8',
  })
  return told.trim().split(' ').at(-1)!
}

describe('a signature', () => {
  it('is verified by the Standard Webhooks library for 1,000 payloads of any characters, and for none with a byte flipped', () => {
    const secret = newSecret()
    const webhook = new Webhook(secret)
    const wrong: string[] = []
    for (const [i, body] of payloads(1_000).entries()) {
      const headers = sign(body, [secret], `evt_${i}`)
      if (!verifies(webhook, body, headers)) wrong.push(`not verified: ${body}`)
      const flipped = Buffer.from(body)
      flipped[i % flipped.length]! ^= 1
      if (verifies(webhook, flipped, headers)) wrong.push(`verified though flipped: ${body}`)
    }
    expect(wrong).toEqual([])
  })

  it('covers the id and the time: another of either is not verified', () => {
    const secret = newSecret()
    const headers = sign('{}', [secret])
    const webhook = new Webhook(secret)
    expect(verifies(webhook, '{}', headers)).toBe(true)
    expect(verifies(webhook, '{}', { ...headers, 'webhook-id': 'evt_2' })).toBe(false)
    const later = String(Number(headers['webhook-timestamp']) + 1)
    expect(verifies(webhook, '{}', { ...headers, 'webhook-timestamp': later })).toBe(false)
  })

  it('in X-Webhook-Signature is what openssl says: of the raw body, under the secret as it is written', () => {
    for (const [i, body] of payloads(30).entries()) {
      const secret = i % 2 === 0 ? newSecret() : `geheim ☂ ${randomBytes(4).toString('hex')}`
      expect(sign(body, [secret])['X-Webhook-Signature']).toBe(opensslHmac(secret, body))
    }
  })

  it("is under a caller's own secret as it is written, also when that begins with whsec_ and is no base64", () => {
    for (const own of ['short', 'päßwört ☂', 'whsec_', 'whsec_not base64!', 'whsec_ab-_', 'whsec_a']) {
      const raw = new Webhook(Buffer.from(own), { format: 'raw' })
      expect(verifies(raw, '{"a":1}', sign('{"a":1}', [own])), own).toBe(true)
    }
  })

  it("is under the decoded part of a caller's own whsec_ secret that is base64, padded or not", () => {
    for (const own of ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'whsec_secret', 'whsec_secret==', 'whsec_mysecret']) {
      expect(verifies(new Webhook(own), '{"a":1}', sign('{"a":1}', [own])), own).toBe(true)
    }
  })

  it('with two secrets is made under both, so that the holder of either verifies it', () => {
    const [newest, previous] = [newSecret(), newSecret()]
    const headers = sign('{"a":1}', [newest, previous])
    expect(verifies(new Webhook(newest), '{"a":1}', headers)).toBe(true)
    expect(verifies(new Webhook(previous), '{"a":1}', headers)).toBe(true)
    expect(headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=$/)
    expect(headers['X-Webhook-Signature']).toBe(opensslHmac(newest, '{"a":1}'))
    expect(headers['X-Webhook-Signature-Previous']).toBe(opensslHmac(previous, '{"a":1}'))
    expect(sign('{"a":1}', [newest])).not.toHaveProperty('X-Webhook-Signature-Previous')
  })

  it('is never made without a secret', () => {
    expect(() => sign('{}', [])).toThrow('no secret')
  })
})

it('a new secret is whsec_ and 32 random bytes in base64', () => {
  expect(newSecret()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(newSecret()).not.toBe(newSecret())
})
