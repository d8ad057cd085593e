import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'

const PREFIX = 'whsec_'
const SECRET_BYTES = 32
/** Libraries differ over missing padding; with it or without, it is the same key. */
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

export const newSecret = (): string => `${PREFIX}${randomBytes(SECRET_BYTES).toString('base64')}`

/**
 * Under each secret, the newest first: two while one takes the place of the other. `X-Webhook-Signature` is over the
 * body; the three others are those of https://www.standardwebhooks.com, over id, time and body.
 */
export function signedHeaders(signed: {
  id: string
  timestampSeconds: number
  body: string
  secrets: readonly string[]
}): Record<string, string> {
  const { id, timestampSeconds, body, secrets } = signed
  const [newest, previous] = secrets
  if (newest === undefined) throw new Error('there is no secret to sign with')
  const content = `${id}.${timestampSeconds}.${body}`
  return {
    'X-Webhook-Signature': createHmac('sha256', newest).update(body).digest('hex'),
    ...(previous === undefined
      ? {}
      : { 'X-Webhook-Signature-Previous': createHmac('sha256', previous).update(body).digest('hex') }),
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': secrets
      .map(secret => `v1,${createHmac('sha256', standardKey(secret)).update(content).digest('base64')}`)
      .join(' '),
  }
}

/** A secret of the caller's own may begin like ours and be no base64: it is then what it is written as. */
function standardKey(secret: string): KeyObject {
  const encoded = secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : ''
  const isBase64 = BASE64.test(encoded) && encoded.replace(/=+$/, '').length % 4 !== 1
  // As bare bytes it would cost several times as much (Node 24).
  return createSecretKey(Buffer.from(isBase64 ? encoded : secret, isBase64 ? 'base64' : 'utf8'))
}
